import fs from 'node:fs';
import process from 'node:process';
import { Writable } from 'node:stream';
import { createConsole } from './console.ts';
import type { Events } from './events.ts';

/** As long as a line may be in Heroku's log ("Logging", "Log message format"); a longer one is broken up. */
const MAX_LINE = 10_000;

/** Sends to the log what the app writes: by `console`, `process.stdout` and `stderr`, or the descriptors 1 and 2. */
export function captureOutput(events: Events): void {
  const out = new LineWriter(events);
  const err = new LineWriter(events);
  Object.defineProperty(process, 'stdout', { value: outputStream(out, 1), configurable: true });
  Object.defineProperty(process, 'stderr', { value: outputStream(err, 2), configurable: true });
  Object.assign(console, createConsole(out, err));
  captureDescriptors(
    new Map([
      [1, out],
      [2, err],
    ]),
  );
}

/** Cuts a stream of text into lines. */
export class LineWriter {
  readonly #events: Events;
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(events: Events) {
    this.#events = events;
  }

  write(chunk: string | NodeJS.ArrayBufferView): void {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#output(line);
    if (this.#rest.length > MAX_LINE) {
      this.#output(this.#rest);
      this.#rest = '';
    }
  }

  #output(line: string): void {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE) this.#events.output(line.slice(at, at + MAX_LINE));
  }
}

function outputStream(writer: LineWriter, fd: number): Writable {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, callback) {
      writer.write(chunk);
      callback();
    },
  });
  // Never closed, as in Node.
  stream.end = () => stream;
  stream.destroy = () => stream;
  return Object.assign(stream, { fd });
}

/** Loggers that want to be fast (pino) write to the descriptors themselves. */
function captureDescriptors(writers: Map<unknown, LineWriter>): void {
  const { writeSync, write } = fs;
  const part = (data: unknown, offset?: unknown, length?: unknown): string | Uint8Array => {
    if (typeof data === 'string') return data;
    const { buffer, byteOffset, byteLength } = data as Uint8Array<ArrayBuffer>;
    const start = typeof offset === 'number' ? offset : 0;
    return new Uint8Array(buffer, byteOffset + start, typeof length === 'number' ? length : byteLength - start);
  };
  const size = (data: string | Uint8Array) => (typeof data === 'string' ? Buffer.byteLength(data) : data.length);
  Object.assign(fs, {
    writeSync(fd: unknown, data: unknown, ...rest: unknown[]) {
      const writer = writers.get(fd);
      if (!writer) return Reflect.apply(writeSync, fs, [fd, data, ...rest]);
      const text = part(data, rest[0], rest[1]);
      writer.write(text);
      return size(text);
    },
    write(fd: unknown, data: unknown, ...rest: unknown[]) {
      const writer = writers.get(fd);
      if (!writer) return Reflect.apply(write, fs, [fd, data, ...rest]);
      const text = part(data, rest[0], rest[1]);
      writer.write(text);
      const callback = rest.at(-1);
      if (typeof callback === 'function') queueMicrotask(() => callback(null, size(text), data));
    },
  });
}
