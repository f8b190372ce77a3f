/**
 * The FastCGI protocol ("FastCGI Specification" 1.0), by which PHP takes one request after another:
 *
 *     record = version (1), type, request id (2 bytes), content length (2 bytes), padding length, reserved, content
 *
 * A request is BEGIN_REQUEST, PARAMS … and STDIN …, both up to an empty record. The response is STDOUT …, STDERR …, and
 * END_REQUEST.
 */
const VERSION = 1;
const REQUEST = 1;
const HEADER = 8;

/** Most bytes of content in a record. */
const MOST = 0xff_f8;

const record = { begin: 1, params: 4, stdin: 5, stdout: 6, stderr: 7 };

/** BEGIN_REQUEST's content: the role of a responder, and no connection that stays. */
const RESPONDER = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0);

/** A request in records. */
export function encodeRequest(variables: Readonly<Record<string, string>>, body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  add(parts, record.begin, RESPONDER);
  addAll(parts, record.params, pairs(variables));
  addAll(parts, record.stdin, body);
  return concat(parts);
}

function addAll(parts: Uint8Array[], type: number, content: Uint8Array): void {
  for (let at = 0; at < content.length; at += MOST) add(parts, type, content.subarray(at, at + MOST));
  add(parts, type, content.subarray(0, 0));
}

function add(parts: Uint8Array[], type: number, content: Uint8Array): void {
  const { length } = content;
  parts.push(Uint8Array.of(VERSION, type, 0, REQUEST, length >> 8, length & 0xff, 0, 0), content);
}

const encoder = new TextEncoder();

/** Name-value pairs: the two lengths, then the two texts. */
function pairs(variables: Readonly<Record<string, string>>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(variables)) {
    const [first, second] = [encoder.encode(name), encoder.encode(value)];
    parts.push(lengthOf(first), lengthOf(second), first, second);
  }
  return concat(parts);
}

/** One byte below 128, else four with the highest bit set. */
function lengthOf({ length }: Uint8Array): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  return Uint8Array.of((length >>> 24) | 0x80, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}

/** Takes a response apart as its bytes come. */
export class ResponseDecoder {
  readonly #onOutput: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly #onError: (bytes: Uint8Array<ArrayBuffer>) => void;
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();

  /**
   * @param onOutput takes what comes as STDOUT
   * @param onError takes what comes as STDERR
   */
  constructor(onOutput: (bytes: Uint8Array<ArrayBuffer>) => void, onError: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#onOutput = onOutput;
    this.#onError = onError;
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    const all = this.#rest.length === 0 ? bytes : concat([this.#rest, bytes]);
    let at = 0;
    for (let next = endOf(all, at); next !== undefined && next <= all.length; next = endOf(all, at)) {
      const content = all.subarray(at + HEADER, at + HEADER + contentLength(all, at));
      if (content.length > 0 && all[at + 1] === record.stdout) this.#onOutput(content);
      if (content.length > 0 && all[at + 1] === record.stderr) this.#onError(content);
      at = next;
    }
    this.#rest = all.slice(at);
  }
}

const contentLength = (bytes: Uint8Array, at: number): number => ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0);

/** Where a record ends; undefined when its header is not whole. */
const endOf = (bytes: Uint8Array, at: number): number | undefined =>
  at + HEADER > bytes.length ? undefined : at + HEADER + contentLength(bytes, at) + (bytes[at + 6] ?? 0);

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
