import type { Worker } from './worker.ts';

/** How long a request waits for a worker before there is another one, in milliseconds. */
const PATIENCE = 20;

/** A worker that has had more memory than this for a request is ended: WebAssembly gives none back. Bytes. */
const MAX_MEMORY = 256 * 1024 ** 2;

export interface WorkersOptions {
  start(): Promise<Worker>;
  /** The most of them. */
  most: number;
}

/** The workers of an instance. There is one, until requests wait for what those before them wait for. */
export class Workers {
  readonly #options: WorkersOptions;
  #workers: Worker[] = [];
  #starting: Promise<void> | undefined;
  #waiting: ((worker: Worker) => void)[] = [];

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  /** Starts another. */
  async add(): Promise<void> {
    const worker = await this.#options.start();
    this.#workers.push(worker);
    this.#give(worker);
  }

  /**
   * Lets a worker that is free serve.
   *
   * @returns the response, and a promise that resolves when the worker is done with it
   */
  async serve(
    variables: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<{ response: Promise<Response>; done: Promise<void> }> {
    const worker = await this.#take();
    const { response, done } = worker.serve(variables, body);
    return { response, done: done.then(() => this.#release(worker)) };
  }

  async #take(): Promise<Worker> {
    const free = this.#waiting.length === 0 ? this.#workers.find((worker) => worker.free) : undefined;
    if (free) return free;
    const timer = setTimeout(() => this.#addWhereWanted(), PATIENCE);
    try {
      return await new Promise<Worker>((resolve) => void this.#waiting.push(resolve));
    } finally {
      clearTimeout(timer);
    }
  }

  async #release(worker: Worker): Promise<void> {
    if (worker.ended || worker.memory > MAX_MEMORY) {
      this.#workers = this.#workers.filter((one) => one !== worker);
      if (this.#workers.length === 0 || this.#waiting.length > 0) await this.#addWhereWanted();
    } else this.#give(worker);
  }

  #addWhereWanted(): Promise<void> {
    if (this.#workers.length >= this.#options.most) return Promise.resolve();
    this.#starting ??= this.add().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  #give(worker: Worker): void {
    if (worker.free) this.#waiting.shift()?.(worker);
  }
}
