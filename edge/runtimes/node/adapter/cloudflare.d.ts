/** What workerd has beside Node.js, as far as the adapter uses it. */
declare module 'cloudflare:workers' {
  export class DurableObject {
    constructor(ctx: unknown, env: unknown);
    fetch?(request: Request): Promise<Response>;
  }
}

declare module '*/generated.json' {
  const known: unknown;
  export default known;
}

declare function addEventListener(type: 'error', listener: (event: Event & { error: unknown }) => void): void;

type BodyInit = ReadableStream<Uint8Array> | Uint8Array;

/** A stream whose bytes come out as they went in; a write is done when it is read. */
declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {}

/** The same for a number of bytes known before, which becomes the Content-Length. */
declare class FixedLengthStream extends IdentityTransformStream {
  constructor(length: number);
}

/** The browsers' WebSocket, and what workerd has beside. */
interface WorkerdWebSocket extends WebSocket {
  accept(): void;
}

declare const WebSocketPair: new () => { 0: WorkerdWebSocket; 1: WorkerdWebSocket };
