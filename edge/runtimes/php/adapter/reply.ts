import { cgiHead, type Head } from './cgi.ts';
import { concat } from './fastcgi.ts';

/** Bytes that wait for the reader before PHP has to. */
const WAITING = 64 * 1024;

/** A response, made of what PHP writes: whole where PHP ends soon, else as a stream that PHP writes on to. */
export class Reply {
  readonly #method: string;
  readonly #response = Promise.withResolvers<Response>();
  #head: Head | undefined;
  /** What has not been given to the body. */
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  #pulled = Promise.withResolvers<void>();
  #gone = false;

  constructor(method: string) {
    this.#method = method;
  }

  get response(): Promise<Response> {
    return this.#response.promise;
  }

  /** Whether nobody reads it any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Whether PHP is to wait until more has been read. */
  get full(): boolean {
    return !this.#gone && this.#body !== undefined && (this.#body.desiredSize ?? 0) <= 0;
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#gone) return;
    if (this.#body) {
      this.#body.enqueue(bytes);
      return;
    }
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (!this.#head) {
      this.#head = cgiHead(concat(this.#parts));
      if (this.#head) this.#parts = [this.#head.rest];
    }
    if (this.#length > WAITING) this.flush();
  }

  /** Sends what there is. */
  flush(): void {
    const head = this.#head;
    if (!head || this.#body || this.#gone || isEmpty(head, this.#method)) return;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#body = controller;
        },
        pull: () => {
          this.#pulled.resolve();
          this.#pulled = Promise.withResolvers();
        },
        cancel: () => {
          this.#gone = true;
          this.#pulled.resolve();
        },
      },
      { highWaterMark: WAITING, size: (chunk) => chunk?.length ?? 0 },
    );
    const parts = this.#parts;
    this.#parts = [];
    for (const part of parts) if (part.length > 0) this.write(part);
    this.#response.resolve(respond(head, body));
  }

  /** Resolves when there is room for more, or nobody reads. */
  async room(): Promise<void> {
    while (this.full) await this.#pulled.promise;
  }

  /** Says that PHP has written all. Resolves when all but what the stream holds at most has been read. */
  async end(): Promise<void> {
    const head = this.#head;
    if (this.#body) {
      await this.room();
      if (!this.#gone) this.#body.close();
    } else if (!head) {
      this.#response.reject(new Error('PHP has written no response.'));
    } else if (isEmpty(head, this.#method)) {
      this.#response.resolve(respond(head, null));
    } else {
      const body = concat(this.#parts);
      head.headers.set('content-length', String(body.length));
      this.#response.resolve(respond(head, body));
    }
  }

  /** Says that there will be no more of it. */
  fail(error: unknown): void {
    this.#response.reject(error);
    if (this.#body && !this.#gone) this.#body.error(error);
    this.#gone = true;
    this.#pulled.resolve();
  }
}

const isEmpty = ({ status }: Head, method: string): boolean => method === 'HEAD' || status === 204 || status === 304;

function respond({ status, headers }: Head, body: BodyInit | null): Response {
  const encoded = headers.has('content-encoding') && { encodeBody: 'manual' as const };
  return new Response(body, { status, headers, ...encoded });
}
