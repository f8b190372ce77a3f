/**
 * The link: a WebSocket within the process, over which a Dyno hands requests to its instance and gets answers, many in one
 * message. A request and a response as objects would cost each isolate that they cross 60 to 80 µs; here, what is
 * small goes as it is, and the rest as a stream that is fetched:
 *
 *     to the instance    text: a JSON array of Order
 *     from it            bytes: length head body*
 *       length           four bytes, the highest first: of the head
 *       head             a JSON array of AnswerHead
 *       body             of every answer that has one, in their order
 *
 * A request with a body, or for another protocol, does not come this way.
 */

/** A request without a body. */
export interface RequestHead {
  method: string;
  /** Path and query. */
  path: string;
  /** By their names in lower case. */
  headers: Record<string, string>;
}

export type AnswerHeaders = Record<string, string | string[]>;

/** A response that is all there. */
export interface Answer {
  status: number;
  statusText: string;
  headers: AnswerHeaders;
  body: Uint8Array<ArrayBuffer> | null;
}

/** A request, or the number of one whose stream nobody will fetch. */
export type Order = [id: number, method: string, path: string, headers: Record<string, string>] | [id: number];

export type AnswerHead =
  | [id: number, status: number, statusText: string, headers: AnswerHeaders, length: number]
  /** The response is a stream: it can be fetched from the instance, by `streamUrl`. */
  | [id: number, 'stream']
  /** There is no response. */
  | [id: number, 'failed'];

/** The length of a response without a body. */
export const NO_BODY = -1;

/** By which the instance gives the WebSocket. @param host see BootOptions */
export const linkUrl = (host: string): string => `http://${host}/`;

/** By which it gives the response to the request with that number. */
export const streamUrl = (host: string, id: number): string => `http://${host}/${id}`;

const LENGTH_BYTES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeAnswers(heads: AnswerHead[], bodies: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(JSON.stringify(heads));
  let at = LENGTH_BYTES + head.length;
  const bytes = new Uint8Array(bodies.reduce((sum, body) => sum + body.length, at));
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, LENGTH_BYTES);
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

/** The answers of a message: the number of each, and what it is. */
export function* decodeAnswers(message: ArrayBuffer): Generator<[number, Answer | 'stream' | 'failed']> {
  let at = LENGTH_BYTES + new DataView(message).getUint32(0);
  const heads: AnswerHead[] = JSON.parse(decoder.decode(new Uint8Array(message, LENGTH_BYTES, at - LENGTH_BYTES)));
  for (const head of heads) {
    if (head.length === 2) {
      yield head;
      continue;
    }
    const [id, status, statusText, headers, length] = head;
    const body = length === NO_BODY ? null : new Uint8Array(message, at, length);
    at += body?.length ?? 0;
    yield [id, { status, statusText, headers, body }];
  }
}
