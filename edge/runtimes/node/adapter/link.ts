import { type AnswerHead, encodeAnswers, linkUrl, NO_BODY, type Order, streamUrl } from '../../link/protocol.ts';
import type { IncomingRequest } from './http/request.ts';
import { type Answering, fetchResponse, type ResponseHead } from './http/response.ts';

// The app may replace these.
const { queueMicrotask, setTimeout, Response } = globalThis;
const { now } = Date;

/** How long requests that came together hold the thread before others have it. Milliseconds. */
const TURN_MS = 5;

/** Answers that have this many bytes together wait for no others. */
const GATHERED_BYTES = 256 * 1024;

type Serve = (request: IncomingRequest, answering: Answering) => void;

/** The instance's end of the link; see link/protocol.ts. */
export class Link {
  readonly #host: string;
  readonly #serve: Serve;
  readonly #streams = new Map<string, Response>();
  #socket: WorkerdWebSocket | undefined;
  #orders: Order[] = [];
  #heads: AnswerHead[] = [];
  #bodies: Uint8Array[] = [];
  #gathered = 0;

  constructor(host: string, serve: Serve) {
    this.#host = host;
    this.#serve = serve;
  }

  /** Whether a request is the Dyno's own. */
  owns(url: string): boolean {
    return url.startsWith(linkUrl(this.#host));
  }

  /** Answers such a request. */
  fetch(url: string): Response {
    if (url === linkUrl(this.#host)) return this.#open();
    const stream = this.#streams.get(url);
    this.#streams.delete(url);
    if (!stream) throw new Error('The response is not there any more.');
    return stream;
  }

  #open(): Response {
    const { 0: theirs, 1: ours } = new WebSocketPair();
    ours.accept();
    ours.addEventListener('message', ({ data }: { data: string }) => {
      const orders: Order[] = JSON.parse(data);
      const isWorking = this.#orders.length > 0;
      this.#orders.push(...orders);
      if (!isWorking) this.#work();
    });
    this.#socket = ours;
    return new Response(null, { status: 101, webSocket: theirs } as ResponseInit);
  }

  #work(): void {
    const end = now() + TURN_MS;
    for (const [at, order] of this.#orders.entries()) {
      if (now() > end) {
        this.#orders.splice(0, at);
        setTimeout(() => this.#work(), 0);
        return;
      }
      this.#take(order);
    }
    this.#orders = [];
  }

  #take(order: Order): void {
    const [id] = order;
    if (order.length === 1) {
      const url = streamUrl(this.#host, id);
      this.#streams
        .get(url)
        ?.body?.cancel()
        .catch(() => {});
      this.#streams.delete(url);
      return;
    }
    const [, method, path, headers] = order;
    const fail = () => this.#send([id, 'failed']);
    try {
      this.#serve(
        { method, path, headers, body: null },
        { answer: (head, body) => this.#answer(id, head, body), fail },
      );
    } catch {
      // Its server is closed.
      fail();
    }
  }

  #answer(id: number, head: ResponseHead, body: BodyInit | null): void {
    if (body instanceof ReadableStream) {
      this.#streams.set(streamUrl(this.#host, id), fetchResponse(head, body));
      this.#send([id, 'stream']);
      return;
    }
    if (body) this.#bodies.push(body);
    this.#gathered += body?.length ?? 0;
    this.#send([id, head.status, head.statusText, head.headers, body?.length ?? NO_BODY]);
  }

  /** What is answered in one turn goes in one message. */
  #send(head: AnswerHead): void {
    this.#heads.push(head);
    if (this.#gathered > GATHERED_BYTES) this.#flush();
    else if (this.#heads.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#heads.length === 0) return;
    this.#socket?.send(encodeAnswers(this.#heads, this.#bodies));
    this.#heads = [];
    this.#bodies = [];
    this.#gathered = 0;
  }
}
