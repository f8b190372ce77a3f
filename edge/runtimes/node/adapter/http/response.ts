import type { AnswerHeaders } from '../../../link/protocol.ts';

// Frameworks put classes of their own in the place of these.
const { Response: FetchResponse, Headers: FetchHeaders } = globalThis;

export interface ResponseHead {
  /** From 200 to 599. */
  status: number;
  statusText: string;
  headers: AnswerHeaders;
}

/** Takes the response to a request: one of these, once. */
export interface Answering {
  answer(head: ResponseHead, body: BodyInit | null): void;
  fail(error: Error): void;
}

/** A response as an object. Its body is sent as it is, also one that the app has compressed. */
export function fetchResponse({ status, statusText, headers }: ResponseHead, body: BodyInit | null): Response {
  const init = { status, statusText, headers: fetchHeaders(headers), encodeBody: 'manual' };
  return new FetchResponse(body, init);
}

function fetchHeaders(headers: AnswerHeaders): Headers {
  const made = new FetchHeaders();
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) for (const one of value) made.append(name, one);
    else made.append(name, value);
  }
  return made;
}

/** Makes a promise of an object of it. */
export class FetchAnswering implements Answering {
  readonly #settle = Promise.withResolvers<Response>();

  get response(): Promise<Response> {
    return this.#settle.promise;
  }

  answer(head: ResponseHead, body: BodyInit | null): void {
    this.#settle.resolve(fetchResponse(head, body));
  }

  fail(error: Error): void {
    this.#settle.reject(error);
  }
}
