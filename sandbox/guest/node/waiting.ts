/**
 * Promises that the engine settles on its own (requests, bodies, streams, cryptography) keep the program alive that made
 * them, as they do in Node.
 */
import { currentTask } from '../task.ts';

type AnyFunction = (this: unknown, ...parameters: unknown[]) => unknown;

function holding(original: AnyFunction): AnyFunction {
  return function (...parameters) {
    const result = Reflect.apply(original, this, parameters);
    if (result instanceof Promise) currentTask()?.holdFor(result);
    return result;
  };
}

function wrap(owner: object, names: readonly string[]): void {
  for (const name of names) {
    const original: unknown = Reflect.get(owner, name);
    if (typeof original === 'function') Reflect.set(owner, name, holding(original as AnyFunction));
  }
}

const bodies = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'];

/** Changes the engine's objects, once. */
export function installWaiting(): void {
  wrap(globalThis, ['fetch']);
  for (const { prototype } of [Response, Request, Blob]) wrap(prototype, bodies);
  for (const { prototype } of [ReadableStreamDefaultReader, ReadableStreamBYOBReader]) wrap(prototype, ['read']);
  wrap(WritableStreamDefaultWriter.prototype, ['write', 'close']);
  wrap(ReadableStream.prototype, ['pipeTo']);
  wrap(
    crypto.subtle,
    Object.getOwnPropertyNames(Object.getPrototypeOf(crypto.subtle)).filter((name) => name !== 'constructor'),
  );
}
