import process from 'node:process';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { inspect, promisify } from 'node:util';
import type { Events } from './events.ts';

/** Thrown by `process.exit`, which never returns: ends what runs, and the Dyno ends the rest. */
export class ProcessExit {}

let events: Events | undefined;
const ended = Promise.withResolvers<void>();

/** Resolves when the app has ended by itself. */
export const exited = ended.promise;

/**
 * Ends the app with `code` as Node does: `exit` listeners run, nothing after that.
 *
 * @throws ProcessExit always
 */
export function exit(code: unknown = process.exitCode ?? 0): never {
  process.exitCode = Number(code);
  if (events) {
    const last = events;
    events = undefined;
    try {
      process.emit('exit', Number(process.exitCode));
    } finally {
      last.send({ type: 'exit', code: Number(process.exitCode) });
      ended.resolve();
    }
  }
  throw new ProcessExit();
}

/** Sends SIGTERM: an app that listens for it ends when it exits, another at once. */
export async function terminate(): Promise<void> {
  if (process.listenerCount('SIGTERM') === 0) return;
  process.emit('SIGTERM');
  await exited;
}

/** What Node does with an error that nobody caught: `uncaughtException` listeners, or the stack and the end. */
export function uncaught(error: unknown, origin: NodeJS.UncaughtExceptionOrigin = 'uncaughtException'): void {
  if (error instanceof ProcessExit || !events) return;
  try {
    if (process.listenerCount('uncaughtException') > 0) {
      process.emit('uncaughtException', error as Error, origin);
      return;
    }
    const text = error instanceof Error ? inspect(error) : `Uncaught ${inspect(error)}`;
    for (const line of text.split('\n')) events.output(line);
    exit(1);
  } catch (thrown) {
    if (!(thrown instanceof ProcessExit)) throw thrown;
  }
}

/** Lets every error that nobody caught end in `uncaught`, wherever workerd would report or lose it. */
export function catchErrors(to: Events): void {
  events = to;
  addEventListener('error', (event) => {
    event.preventDefault();
    uncaught(event.error);
  });
  process.on('unhandledRejection', (reason) => {
    // With listeners of the app's own, Node leaves it to them.
    if (process.listenerCount('unhandledRejection') === 1) uncaught(reason, 'unhandledRejection');
  });
  for (const name of ['setTimeout', 'setInterval', 'setImmediate'] as const) guardCallback(name);
}

/** workerd swallows what a timer's callback throws. */
function guardCallback(name: 'setTimeout' | 'setInterval' | 'setImmediate'): void {
  const original = globalThis[name] as (callback: unknown, ...rest: unknown[]) => unknown;
  const guarded = (callback: unknown, ...rest: unknown[]) =>
    typeof callback === 'function' ? original(guard(callback as Callback), ...rest) : original(callback, ...rest);
  Object.defineProperty(guarded, promisify.custom, { value: timersPromises[name] });
  Object.assign(globalThis, { [name]: guarded });
  Object.assign(timers, { [name]: guarded });
}

type Callback = (...args: unknown[]) => unknown;

const guard =
  (callback: Callback): Callback =>
  (...args) => {
    try {
      return callback(...args);
    } catch (error) {
      uncaught(error);
    }
  };
