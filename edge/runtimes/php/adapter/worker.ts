/**
 * A worker of PHP, as PHP-FPM has them: PHP that has started, and takes one request after another by FastCGI. PHP itself
 * leaves nothing of a request to the next.
 */

import { errno } from './emscripten.ts';
import { type Engine, openConnection } from './engine.ts';
import { encodeRequest, ResponseDecoder } from './fastcgi.ts';
import { lineReader } from './lines.ts';
import { Reply } from './reply.ts';

/** A script that a worker runs once, before the app's first. */
export const WARM_UP = '/islet/warm-up.php';

/** As poll(2) says that there is something to read, and room to write. */
const READY = 0x001 | 0x004;

/** The numbers of the fields in `sapi_module` that PHP writes by. */
const FIELD = { write: 6, flush: 7 };

/** Where in PHP's request its buffer ends, behind which the three functions stand that are called around it. */
const BUFFER = 8 * 1024;

/** A request under way. */
interface Job {
  records: Uint8Array;
  read: number;
  reply: Reply;
  decoder: ResponseDecoder;
  done(): void;
}

export class Worker {
  readonly #engine: Engine;
  readonly #onLog: (line: string) => void;
  /** What PHP is to take next. */
  #next: Job | undefined;
  /** What PHP is at. */
  #job: Job | undefined;
  #wake: (() => void) | undefined;
  #hooked = false;
  readonly #idle = Promise.withResolvers<void>();
  /** What ended it. */
  #ended: Error | undefined;

  private constructor(engine: Engine, onLog: (line: string) => void) {
    this.#engine = engine;
    this.#onLog = onLog;
  }

  /** @param onLog takes lines of PHP's log */
  static async start(engine: Engine, onLog: (line: string) => void): Promise<Worker> {
    const worker = new Worker(engine, onLog);
    engine.write(WARM_UP, '<?php');
    const { reply } = worker.#take({ SCRIPT_FILENAME: WARM_UP, REQUEST_METHOD: 'GET' }, new Uint8Array());
    void engine
      .listen({}, { accept: () => worker.#accept() })
      .then((status) => worker.#end(new Error(`PHP ended with status ${status}.`)))
      .catch((error: Error) => worker.#end(error));
    await reply.response;
    await worker.#idle.promise;
    return worker;
  }

  /** Whether it can take a request. */
  get free(): boolean {
    return !this.#ended && !this.#job && !this.#next;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Bytes of memory that it has. */
  get memory(): number {
    return this.#engine.php.HEAPU8.length;
  }

  /**
   * Answers a request.
   *
   * @param variables CGI's (RFC 3875), and the process's environment
   * @returns the response, and a promise that resolves when PHP is done with it
   */
  serve(
    variables: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): { response: Promise<Response>; done: Promise<void> } {
    if (!this.free) throw new Error('PHP is at another request.');
    const { reply, done } = this.#take(variables, body);
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    return { response: reply.response, done };
  }

  #take(variables: Readonly<Record<string, string>>, body: Uint8Array): { reply: Reply; done: Promise<void> } {
    const reply = new Reply(variables.REQUEST_METHOD ?? 'GET');
    const { promise, resolve } = Promise.withResolvers<void>();
    const log = lineReader(this.#onLog);
    this.#next = {
      records: encodeRequest(variables, body),
      read: 0,
      reply,
      decoder: new ResponseDecoder((bytes) => reply.write(bytes), log.write),
      done: () => {
        log.end();
        resolve();
      },
    };
    return { reply, done: promise };
  }

  /** Connects PHP to the request that waits. */
  #accept(): number {
    const job = this.#next;
    if (!job) return -errno.again;
    this.#next = undefined;
    this.#job = job;
    const { php } = this.#engine;
    const { fd } = openConnection(php, {
      poll: () => READY,
      read: (_, memory, offset, length) => {
        const chunk = job.records.subarray(job.read, job.read + length);
        memory.set(chunk, offset);
        job.read += chunk.length;
        return chunk.length;
      },
      write: (_, memory, offset, length) => {
        if (!this.#hooked) this.#hook();
        if (job.reply.gone) throw new php.FS.ErrnoError(errno.pipe);
        job.decoder.write(Uint8Array.from(memory.subarray(offset, offset + length)));
        return length;
      },
      close: () => {
        this.#job = undefined;
        void job.reply.end().then(job.done);
      },
    });
    return fd;
  }

  #end(error: Error): void {
    this.#ended = error;
    this.#idle.reject(error);
    const job = this.#job ?? this.#next;
    if (!job) return;
    this.#onLog(`PHP ended: ${error.message}`);
    job.reply.fail(error);
    job.done();
  }

  /**
   * Puts itself before functions that PHP calls by their addresses, whose callers can be taken off the stack until what
   * they wait for is there: the next request, or a reader that is slow.
   */
  #hook(): void {
    this.#hooked = true;
    const { php } = this.#engine;
    const request = this.#read(this.#engine.address('sapi_globals'));
    const accepting = request + this.#functionsOf(request);
    php.HEAPU32[accepting >>> 2] = php.addFunction(() => {
      if (this.#next && php.Asyncify.state === 0) return undefined;
      return php.Asyncify.handleSleep((wake) => {
        this.#wake = wake;
        this.#idle.resolve();
      });
    }, 'v');
    this.#before(FIELD.write, 'iii', ([, length = 0], reply) =>
      reply?.full ? { wait: reply.room(), length } : undefined,
    );
    this.#before(FIELD.flush, 'vi', (_, reply) => {
      reply?.flush();
      // What is to be sent goes when the isolate comes to it.
      return { wait: turn().then(() => reply?.room()), length: 0 };
    });
  }

  /** Lets PHP wait when it has called a function of its `sapi_module`. */
  #before(
    field: number,
    signature: string,
    after: (args: number[], reply: Reply | undefined) => { wait: Promise<unknown>; length: number } | undefined,
  ): void {
    const { php } = this.#engine;
    const place = this.#engine.address('sapi_module') + 4 * field;
    const original = php.wasmTable.get(this.#read(place));
    php.HEAPU32[place >>> 2] = php.addFunction((...args) => {
      // It was waiting, and goes on.
      if (php.Asyncify.state !== 0) return php.Asyncify.handleSleep(() => {});
      const result = original(...args);
      const waiting = after(args, this.#job?.reply);
      if (!waiting) return result;
      return php.Asyncify.handleSleep((wake) => void waiting.wait.then(() => wake(waiting.length)));
    }, signature);
  }

  /** Where in PHP's request the functions stand that are called around it: three of the same, as it has given none. */
  #functionsOf(request: number): number {
    const { length } = this.#engine.php.wasmTable;
    for (let at = BUFFER; at < BUFFER + 1024; at += 4) {
      const first = this.#read(request + at);
      const same = first === this.#read(request + at + 4) && first === this.#read(request + at + 8);
      if (same && first > 0 && first < length) return at;
    }
    throw new Error('The engine is not the one that is known: its requests have no functions.');
  }

  #read(address: number): number {
    return this.#engine.php.HEAPU32[address >>> 2] ?? 0;
  }
}

/** Resolves when what waits in the isolate has had its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
