/** One request and its response, as lib/islet/ sees them from Python. */
import { webSocket } from './web-socket.ts';

export interface Exchange {
  /** JSON: method, path (percent-encoded), query, scheme, host, port, client address, headers as pairs. */
  readonly fields: string;
  /** `http` or `websocket`. */
  readonly type: string;
  /** The next piece of the request's body, or of a WebSocket; undefined at its end. */
  read(): Promise<Uint8Array | string | undefined>;
  /** Gives status and headers (JSON: pairs), before any of the body. */
  start(status: number, headers: string): void;
  /** Sends a piece of the body; resolves when the client has room for more, to whether it still listens. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends the body. */
  end(): void;
  /** Accepts a WebSocket. */
  accept(subprotocol: string, headers: string): void;
  /** Sends a message by a WebSocket. */
  message(data: Uint8Array | string): void;
  /** Closes a WebSocket; one that was not accepted is refused. */
  close(code: number, reason: string): void;
  /** How the client has closed a WebSocket (RFC 6455, section 7.4): 1006 when it has gone without a word. */
  closeCode?(): number;
  closeReason?(): string;
}

interface ServeOptions {
  /** Lets Python serve it; resolves when Python has done with it. */
  call(exchange: Exchange): Promise<void>;
  /** Called once, when it is served. */
  done(): void;
  onError(error: unknown): void;
}

/** Serves a request by Python; the response arrives when it starts. */
export async function serve(request: Request, { call, done, onError }: ServeOptions): Promise<Response> {
  const response = Promise.withResolvers<Response>();
  const upgrade = request.headers.get('upgrade')?.toLowerCase() === 'websocket';
  const exchange = upgrade ? webSocket(request, response.resolve) : plain(request, response.resolve);
  void call(exchange)
    .then(() => {
      exchange.end();
      response.resolve(new Response('Internal Server Error', { status: 500 }));
    })
    .catch((error: unknown) => {
      exchange.end();
      response.resolve(new Response('Internal Server Error', { status: 500 }));
      onError(error);
    })
    .finally(done);
  return response.promise;
}

function plain(request: Request, respond: (response: Response) => void): Exchange {
  const reader = request.body?.getReader();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  let open = true;
  return {
    type: 'http',
    fields: fieldsOf(request),
    read: async () => (await reader?.read())?.value,
    start(status, text) {
      const headers = headersOf(text);
      const empty = request.method === 'HEAD' || [101, 204, 205, 304].includes(status);
      if (empty) open = false;
      const encoded = headers.has('content-encoding') && { encodeBody: 'manual' as const };
      const length = Number(headers.get('content-length') ?? Number.NaN);
      let body: ReadableStream | null = null;
      if (!empty) {
        if (Number.isSafeInteger(length)) {
          const fixed = new FixedLengthStream(length);
          void readable.pipeTo(fixed.writable).catch(() => {});
          body = fixed.readable;
        } else body = readable;
      }
      respond(new Response(body, { status, headers, ...encoded }));
    },
    async write(bytes) {
      if (!open) return false;
      try {
        await writer.write(bytes);
      } catch {
        open = false;
      }
      return open;
    },
    end() {
      if (open) void writer.close().catch(() => {});
      open = false;
    },
    accept() {},
    message() {},
    close() {},
  };
}

/** Headers of the JSON that Python gives: pairs. */
export function headersOf(text: string): Headers {
  const headers = new Headers();
  for (const [name, value] of JSON.parse(text) as [string, string][]) headers.append(name, value);
  return headers;
}

/** What Python is told of a request besides its body. */
export function fieldsOf(request: Request): string {
  const url = new URL(request.url);
  const scheme = request.headers.get('x-forwarded-proto') ?? url.protocol.slice(0, -1);
  return JSON.stringify({
    method: request.method,
    path: url.pathname,
    query: url.search.slice(1),
    scheme,
    host: url.hostname,
    port: Number(url.port || (scheme === 'https' ? 443 : 80)),
    client: request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '127.0.0.1',
    headers: [...request.headers],
  });
}
