/** `node:readline` as programs without a terminal use it: lines of a stream, and questions. */
import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';

interface Options {
  input: Readable;
  output?: Writable;
}

class Interface extends EventEmitter {
  readonly input: Readable;
  readonly output: Writable | undefined;
  readonly #waiting: ((line: string) => void)[] = [];
  #rest = '';
  closed = false;
  terminal = false;
  line = '';

  constructor(options: Options | Readable, output?: Writable) {
    super();
    this.input = 'input' in options ? options.input : options;
    this.output = 'input' in options ? options.output : output;
    this.input.on('data', this.#take);
    this.input.on('end', this.#finish);
  }

  readonly #take = (chunk: string | Buffer) => {
    const lines = (this.#rest + chunk.toString()).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#give(line);
  };

  readonly #finish = () => {
    if (this.#rest !== '') this.#give(this.#rest);
    this.#rest = '';
    this.close();
  };

  #give(line: string): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(line);
    else this.emit('line', line);
  }

  question(query: string, ...rest: unknown[]): void {
    this.output?.write(query);
    this.#waiting.push(rest.at(-1) as (line: string) => void);
  }

  setPrompt(): void {}
  prompt(): void {}
  write(): void {}

  pause(): this {
    this.input.pause();
    return this;
  }

  resume(): this {
    this.input.resume();
    return this;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.input.off('data', this.#take);
    this.input.off('end', this.#finish);
    this.input.pause();
    this.emit('close');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    const lines: string[] = [];
    let wake = () => {};
    this.on('line', (line: string) => {
      lines.push(line);
      wake();
    });
    this.on('close', () => wake());
    for (;;) {
      const line = lines.shift();
      if (line !== undefined) yield line;
      else if (this.closed) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
}

function createPromisesInterface(options: Options | Readable, output?: Writable): Interface {
  const lines = new Interface(options, output);
  const ask = lines.question.bind(lines);
  return Object.assign(lines, { question: (query: string) => new Promise<string>((resolve) => ask(query, resolve)) });
}

export function createReadline(): Record<string, unknown> {
  const done = (...parameters: unknown[]) => {
    const callback = parameters.at(-1);
    if (typeof callback === 'function') callback();
    return true;
  };
  return {
    Interface,
    createInterface: (options: Options | Readable, output?: Writable) => new Interface(options, output),
    clearLine: done,
    clearScreenDown: done,
    cursorTo: done,
    moveCursor: done,
    emitKeypressEvents: () => {},
    promises: {
      Interface,
      createInterface: createPromisesInterface,
    },
  };
}
