/** What a server is given: a request, whichever way it came. */
export interface IncomingRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** By their names in lower case. */
  readonly headers: Record<string, string>;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** One that came as an object. What nobody asks of it is not read. */
export class FetchedRequest implements IncomingRequest {
  readonly #request: Request;
  #headers: Record<string, string> | undefined;

  constructor(request: Request) {
    this.#request = request;
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    const { url } = this.#request;
    return url.slice(url.indexOf('/', url.indexOf('//') + 2));
  }

  get headers(): Record<string, string> {
    this.#headers ??= Object.fromEntries(this.#request.headers);
    return this.#headers;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#request.body;
  }
}
