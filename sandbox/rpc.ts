/** Calls in both directions over one connection; see protocol.ts for the messages. */
import { type Channel, decodeFrame, encodeFrame, type Message } from './protocol.ts';

type Handler = (params: unknown, id: number) => unknown;

/** An error of the other side: only its message and code cross the border. */
export class RemoteError extends Error {
  override name = 'RemoteError';
  readonly code: string | undefined;

  constructor({ message, code }: { message: string; code?: string }) {
    super(message);
    this.code = code;
  }
}

/** One end of the connection. */
export class Rpc {
  readonly #send: (message: string | Uint8Array) => void;
  readonly #handlers: Record<string, Handler>;
  readonly #onFrame: (channel: number, id: number, payload: Uint8Array) => void;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 1;
  #closed: Error | undefined;

  /**
   * @param send puts one message on the connection
   * @param handlers by method; what one returns or throws is the answer
   * @param onFrame takes the frames of the other side
   */
  constructor(
    send: (message: string | Uint8Array) => void,
    handlers: Record<string, Handler>,
    onFrame: (channel: number, id: number, payload: Uint8Array) => void,
  ) {
    this.#send = send;
    this.#handlers = { __proto__: null, ...handlers } as unknown as Record<string, Handler>;
    this.#onFrame = onFrame;
  }

  /** Starts a call and tells its id, which frames that belong to it carry. */
  call(method: string, params: unknown): { id: number; answer: Promise<unknown> } {
    const id = this.#next++;
    const answer = Promise.withResolvers<unknown>();
    if (this.#closed) answer.reject(this.#closed);
    else {
      this.#pending.set(id, answer);
      this.#post({ type: 'call', id, method, params });
    }
    return { id, answer: answer.promise };
  }

  sendFrame(channel: Channel, id: number, payload: Uint8Array): void {
    if (!this.#closed) this.#send(encodeFrame(channel, id, payload));
  }

  /** @throws SyntaxError, TypeError or RangeError when the message is malformed */
  receive(message: string | Uint8Array): void {
    if (typeof message !== 'string') {
      const { channel, id, payload } = decodeFrame(message);
      this.#onFrame(channel, id, payload);
      return;
    }
    const parsed = JSON.parse(message) as Message;
    if (parsed.type === 'call') void this.#answer(parsed.id, parsed.method, parsed.params);
    else {
      const pending = this.#pending.get(parsed.id);
      this.#pending.delete(parsed.id);
      if ('error' in parsed) pending?.reject(new RemoteError(parsed.error));
      else pending?.resolve(parsed.value);
    }
  }

  /** Ends the connection: every call under way fails with `reason`. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.#closed = reason;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }

  async #answer(id: number, method: string, params: unknown): Promise<void> {
    try {
      const handler = this.#handlers[method];
      if (handler === undefined) throw new TypeError(`there is no method ${JSON.stringify(method)}`);
      this.#post({ type: 'return', id, value: await handler(params, id) });
    } catch (thrown) {
      const { message, code } = thrown as { message?: unknown; code?: unknown };
      this.#post({
        type: 'return',
        id,
        error: { message: String(message ?? thrown), code: typeof code === 'string' ? code : undefined },
      });
    }
  }

  #post(message: Message): void {
    if (!this.#closed) this.#send(JSON.stringify(message));
  }
}
