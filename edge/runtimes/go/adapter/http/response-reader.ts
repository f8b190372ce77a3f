/** Responses as a server of HTTP/1.1 writes them to a connection (RFC 9112). */

const CR = 13;
const LF = 10;

/** Most bytes of a head, and of a line of the chunked coding. */
const MAX_HEAD = 256 * 1024;
const MAX_LINE = 4096;

export interface Head {
  status: number;
  statusText: string;
  /** Without what concerns the connection alone. */
  headers: Headers;
  /** Bytes of the body, where the server has said; 0 where there is none. */
  length: number | undefined;
  /** Whether the connection can be used again. */
  keepAlive: boolean;
}

export interface ResponseListener {
  onHead(head: Head): void;
  onData(bytes: Uint8Array<ArrayBuffer>): void;
  onEnd(): void;
}

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'trailers' | 'until-close' | 'done';

/** Reads one response, however its bytes are cut. */
export class ResponseReader {
  readonly #listener: ResponseListener;
  readonly #bodiless: boolean;
  #state: State = 'head';
  /** The beginning of a head or line that is not complete. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  /** Bytes that the body or the chunk still has. */
  #left = 0;

  /** @param bodiless of a response to HEAD */
  constructor(bodiless: boolean, listener: ResponseListener) {
    this.#bodiless = bodiless;
    this.#listener = listener;
  }

  /** @throws Error when the bytes are no response, or go on after it */
  read(chunk: Uint8Array<ArrayBuffer>): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
      this.#rest = new Uint8Array();
    }
    while (bytes.length > 0) {
      const used = this.#step(bytes);
      if (used === 0) {
        this.#rest = bytes;
        return;
      }
      bytes = bytes.subarray(used);
    }
  }

  /** The connection was closed. @returns whether the response is complete */
  close(): boolean {
    if (this.#state === 'until-close') this.#end();
    return this.#state === 'done';
  }

  /** @returns how many bytes it has read; 0 when it needs more of them */
  #step(bytes: Uint8Array<ArrayBuffer>): number {
    switch (this.#state) {
      case 'head':
        return this.#head(bytes);
      case 'length':
      case 'chunk':
        return this.#data(bytes);
      case 'until-close':
        this.#listener.onData(bytes);
        return bytes.length;
      case 'size':
      case 'chunk-end':
      case 'trailers':
        return this.#line(bytes);
      case 'done':
        throw new Error('The app has written more than its response.');
    }
  }

  #head(bytes: Uint8Array<ArrayBuffer>): number {
    const end = endOfHead(bytes);
    if (end < 0) {
      if (bytes.length > MAX_HEAD) throw new Error('The head of the response is too large.');
      return 0;
    }
    const [statusLine = '', ...lines] = latin1(bytes.subarray(0, end)).trimEnd().split(/\r?\n/);
    const [, version, code, statusText = ''] = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(statusLine) ?? [];
    if (code === undefined) throw new Error(`This is no response of HTTP/1.1: ${JSON.stringify(statusLine)}`);
    const status = Number(code);
    // 100 and 103 come before the response (RFC 9110, 15.2).
    if (status >= 200) this.#begin({ status, statusText, lines, old: version === '0' });
    return end;
  }

  #begin(head: { status: number; statusText: string; lines: string[]; old: boolean }): void {
    const { status, statusText, lines, old } = head;
    const headers = new Headers();
    const own: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (colon < 1) throw new Error(`The response has a header without a name: ${JSON.stringify(line)}`);
      if (OF_THE_CONNECTION.has(name)) own[name] = value.toLowerCase();
      else headers.append(name, value);
    }
    const chunked = own['transfer-encoding']?.includes('chunked') ?? false;
    const empty = this.#bodiless || status === 204 || status === 304;
    const told = headers.get('content-length');
    if (chunked) headers.delete('content-length');
    const length = empty ? 0 : chunked || told === null ? undefined : Number(told);
    if (length !== undefined && !Number.isSafeInteger(length)) throw new Error(`content-length is ${told}`);
    const delimited = chunked || length !== undefined;
    const connection = own.connection ?? (old ? 'close' : 'keep-alive');
    this.#state = empty ? 'length' : chunked ? 'size' : length === undefined ? 'until-close' : 'length';
    this.#left = length ?? 0;
    const keepAlive = delimited && connection !== 'close';
    this.#listener.onHead({ status, statusText, headers, length, keepAlive });
    if (this.#state === 'length' && this.#left === 0) this.#end();
  }

  #data(bytes: Uint8Array<ArrayBuffer>): number {
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    this.#listener.onData(part);
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-end';
      else this.#end();
    }
    return part.length;
  }

  /** A line of the chunked coding (RFC 9112, 7.1). */
  #line(bytes: Uint8Array<ArrayBuffer>): number {
    const end = bytes.indexOf(LF);
    if (end < 0) {
      if (bytes.length > MAX_LINE) throw new Error('A line of the chunked body is too long.');
      return 0;
    }
    const line = latin1(bytes.subarray(0, end)).trimEnd();
    if (this.#state === 'chunk-end') this.#state = 'size';
    else if (this.#state === 'trailers') {
      if (line === '') this.#end();
    } else {
      this.#left = Number.parseInt(line, 16);
      if (!(this.#left >= 0)) throw new Error(`The size of a chunk is ${JSON.stringify(line)}`);
      this.#state = this.#left === 0 ? 'trailers' : 'chunk';
    }
    return end + 1;
  }

  #end(): void {
    this.#state = 'done';
    this.#listener.onEnd();
  }
}

/** What one connection is told, and the next is not. */
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer']);

/** The place after the empty line that ends a head; -1 when it has not come. */
function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

const latin1 = ({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): string =>
  Buffer.from(buffer, byteOffset, length).toString('latin1');
