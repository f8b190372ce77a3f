/** The images of a machine: what sharp's native code does elsewhere, in a process that starts with the first of them. */
import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EntryCollector } from '../collector.ts';
import { endConfined, startConfined } from '../confined.ts';
import { LimitError, type Limits } from '../limits.ts';
import { type ImageReport, type ImageRequest, type Operation, operations } from './process.ts';
import type { Packed } from './values.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const require = createRequire(import.meta.url);
const engine = dirname(require.resolve('@img/sharp-wasm32/package'));
/** What it may read: the engine, what that requires, and this folder. */
const readable = [engine, dirname(dirname(createRequire(`${engine}/`).resolve('@emnapi/runtime'))), here('.')];

export class ImageEngine {
  readonly #limits: Limits;
  readonly #runs = new Map<number, PromiseWithResolvers<Packed>>();
  /** The bytes of operations that have still to start. */
  readonly #expected = new Map<number, EntryCollector>();
  /** Bytes that operations under way were given. */
  #bytes = 0;
  #process: ChildProcess | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Processes whose memory is the machine's. */
  pids(): number[] {
    return this.#process?.pid === undefined ? [] : [this.#process.pid];
  }

  /** Says that the frames of an id are for an operation to come: there is one at a time. */
  expect(id: number): null {
    this.#expected.clear();
    this.#expected.set(id, new EntryCollector(this.#limits));
    return null;
  }

  /** @returns whether the frame was for an operation to come */
  receive(id: number, payload: Uint8Array): boolean {
    const expected = this.#expected.get(id);
    expected?.add(payload);
    return expected !== undefined;
  }

  /**
   * Works on an image.
   *
   * @param params from the machine, which is not trusted: `operation`, and `options` as sharp gives them to its binding
   * @returns what the binding called back with
   * @throws Error with what libvips says, LimitError when images under way take more than a tree may
   */
  async run(params: unknown, id: number): Promise<Packed> {
    const { operation, options } = checkParams(params);
    const bytes = (this.#expected.get(id)?.entries ?? []).flatMap((entry) =>
      entry.type === 'file' ? [entry.content] : [],
    );
    this.#expected.delete(id);
    const size = bytes.reduce((sum, { length }) => sum + length, 0);
    this.#bytes += size;
    if (this.#bytes > this.#limits.treeBytes) throw new LimitError('treeBytes', this.#limits.treeBytes, this.#bytes);
    const run = Promise.withResolvers<Packed>();
    this.#runs.set(id, run);
    try {
      const request: ImageRequest = { id, operation, options: { value: options, bytes } };
      this.#process ??= this.#start();
      this.#process.send(request);
      return await run.promise;
    } finally {
      this.#runs.delete(id);
      this.#bytes -= size;
    }
  }

  async close(): Promise<void> {
    await endConfined(this.#process);
  }

  #start(): ChildProcess {
    const { child, lastWords } = startConfined(here('process.ts'), { readable, preload: here('preload.cjs') });
    child.on('message', (message) => {
      const report = message as ImageReport;
      if ('results' in report) this.#runs.get(report.id)?.resolve(report.results);
      else this.#runs.get(report.id)?.reject(new Error(report.error));
    });
    child.once('exit', (code, signal) => {
      this.#process = undefined;
      const end = lastWords().trim().split('\n').at(-1) ?? '';
      const reason = new Error(`the engine for images ended (${signal ?? code}) ${end}`.trim());
      for (const { reject } of this.#runs.values()) reject(reason);
    });
    return child;
  }
}

/** @throws TypeError */
function checkParams(params: unknown): { operation: Operation; options: object } {
  const { operation, options } = (params ?? {}) as { operation?: unknown; options?: unknown };
  const known = operations.find((name) => name === operation);
  if (known === undefined) throw new TypeError(`there is no operation ${JSON.stringify(operation)}`);
  if (typeof options !== 'object' || options === null) throw new TypeError('options are no object');
  return { operation: known, options };
}
