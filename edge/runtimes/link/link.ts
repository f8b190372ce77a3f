import type { FailureCode } from '../failure.ts';
import { type Answer, decodeAnswers, linkUrl, type Order, type RequestHead, streamUrl } from './protocol.ts';

/** What becomes of a request: an answer, a stream to be fetched from the Dyno, or a reason why there is none. */
export type Answered = Answer | { stream: string } | { code: FailureCode };

/** How long a stream may wait until it is fetched: then the client has gone. Milliseconds. */
const FETCH_MS = 5_000;

interface LinkOptions {
  /** As the instance was told at its boot. */
  host: string;
  /** Called in the Dyno's own I/O context when requests are on their way. */
  onPassed: () => void;
  /** How long a stream waits. Milliseconds. */
  fetchMs?: number;
}

/** A Dyno's end of the link to its instance. */
export class Link {
  readonly #socket: WebSocket;
  readonly #host: string;
  readonly #onPassed: () => void;
  readonly #fetchMs: number;
  readonly #settle = new Map<number, (answered: Answered) => void>();
  /** Streams that wait to be fetched, by their URLs. */
  readonly #streams = new Map<string, ReturnType<typeof setTimeout>>();
  #orders: Order[] = [];
  #wake = Promise.withResolvers<void>();
  #lastId = 0;
  #isOpen = true;

  private constructor(socket: WebSocket, { host, onPassed, fetchMs = FETCH_MS }: LinkOptions) {
    this.#socket = socket;
    this.#host = host;
    this.#onPassed = onPassed;
    this.#fetchMs = fetchMs;
    socket.binaryType = 'arraybuffer';
    socket.accept();
    socket.addEventListener('message', ({ data }) => this.#receive(data as ArrayBuffer));
    void this.#pass();
  }

  static async open(instance: Fetcher, options: LinkOptions): Promise<Link> {
    const { webSocket } = await instance.fetch(linkUrl(options.host), { headers: { upgrade: 'websocket' } });
    if (!webSocket) throw new Error('The instance gave no link.');
    return new Link(webSocket, options);
  }

  /**
   * Hands a request to the instance. Can be called in the I/O context of any request of this isolate: all that needs the
   * Dyno's own happens there.
   *
   * @param settle called once, in the Dyno's I/O context, unless the request is forgotten before
   * @returns forgets the request
   */
  ask({ method, path, headers }: RequestHead, settle: (answered: Answered) => void): () => void {
    const id = ++this.#lastId;
    this.#settle.set(id, settle);
    this.#orders.push([id, method, path, headers]);
    if (this.#orders.length === 1) this.#wake.resolve();
    return () => void this.#settle.delete(id);
  }

  /** Whether a stream waits at this URL. */
  has(url: string): boolean {
    return this.#streams.has(url);
  }

  /** Fetches a stream, which has to wait there. */
  fetch(instance: Fetcher, url: string): Promise<Response> {
    clearTimeout(this.#streams.get(url));
    this.#streams.delete(url);
    return instance.fetch(url);
  }

  close(): void {
    this.#isOpen = false;
    this.#wake.resolve();
    for (const timer of this.#streams.values()) clearTimeout(timer);
    this.#streams.clear();
  }

  /**
   * Sends what there is, again and again. Others resolve the promise, and it goes on in the I/O context that has made
   * it: the Dyno's.
   */
  async #pass(): Promise<void> {
    while (this.#isOpen) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      const orders = this.#orders;
      if (orders.length === 0 || !this.#isOpen) continue;
      this.#orders = [];
      this.#socket.send(JSON.stringify(orders));
      this.#onPassed();
    }
  }

  #receive(message: ArrayBuffer): void {
    for (const [id, answer] of decodeAnswers(message)) {
      const settle = this.#settle.get(id);
      this.#settle.delete(id);
      if (answer === 'failed') settle?.({ code: 'H13' });
      else if (answer !== 'stream') settle?.(answer);
      else if (settle) settle({ stream: this.#offer(id) });
      else this.#forget(id);
    }
  }

  #offer(id: number): string {
    const url = streamUrl(this.#host, id);
    const forget = () => {
      this.#streams.delete(url);
      this.#forget(id);
    };
    this.#streams.set(url, setTimeout(forget, this.#fetchMs));
    return url;
  }

  /** Nobody will fetch this stream. */
  #forget(id: number): void {
    this.#socket.send(JSON.stringify([[id]] satisfies Order[]));
  }
}
