import type { Socket } from 'node:net';
import type { Task } from '../task.ts';

type Members = Record<string, unknown>;
type Start = (...parameters: unknown[]) => Socket;
type SocketClass = new (...parameters: unknown[]) => Socket;

/** `node:net` or `node:tls`, whose connections keep the task alive until they close, or are told not to. */
export function holdSockets(task: Task, source: Members): Members {
  const held: Members = { ...source };
  for (const name of ['connect', 'createConnection']) {
    const start = source[name] as Start | undefined;
    if (start) held[name] = (...parameters: unknown[]) => hold(task, Reflect.apply(start, source, parameters));
  }
  // Drivers of databases make a socket first and connect it then.
  if (source.Socket !== undefined && source.Stream === source.Socket) {
    const Original = source.Socket as SocketClass;
    class HeldSocket extends Original {
      override connect(...parameters: unknown[]): this {
        hold(task, this);
        return Reflect.apply(Original.prototype.connect, this, parameters);
      }
    }
    held.Socket = HeldSocket;
    held.Stream = HeldSocket;
  }
  if (source.TLSSocket !== undefined) held.TLSSocket = withParent(source.TLSSocket as SocketClass);
  return held;
}

/** http2-wrapper, of HTTP clients, looks into a socket over a stream when it is loaded: `_handle._parentWrap.constructor`. */
function withParent(Original: SocketClass): SocketClass {
  return class TLSSocket extends Original {
    constructor(...parameters: unknown[]) {
      super(...parameters);
      const { _handle: handle } = this as { _handle?: { _parentWrap?: unknown } | null };
      if (handle) handle._parentWrap ??= parameters[0];
    }
  };
}

function hold<S extends Socket>(task: Task, socket: S): S {
  let release = task.hold();
  const { ref, unref } = socket;
  socket.once('close', () => release());
  return Object.assign(socket, {
    ref() {
      release();
      if (!socket.destroyed) release = task.hold();
      ref?.call(socket);
      return socket;
    },
    unref() {
      release();
      unref?.call(socket);
      return socket;
    },
  });
}
