import { type Exchange, fieldsOf, headersOf } from './exchange.ts';

/** What workerd has beside the browsers' WebSocket. */
interface Socket extends WebSocket {
  accept(): void;
}
declare const WebSocketPair: new () => { 0: Socket; 1: Socket };

/** A WebSocket that Python may accept; the response arrives when it does, or refuses. */
export function webSocket(request: Request, respond: (response: Response) => void): Exchange {
  const [client, server] = Object.values(new WebSocketPair()) as [Socket, Socket];
  const messages: (Uint8Array | string | undefined)[] = [];
  let wake = () => {};
  const push = (message: Uint8Array | string | undefined) => {
    messages.push(message);
    wake();
  };
  let accepted = false;
  let closed: { code: number; reason: string } | undefined;
  server.addEventListener('message', ({ data }) => push(typeof data === 'string' ? data : new Uint8Array(data)));
  server.addEventListener('close', ({ code, reason }) => {
    closed = { code, reason };
    push(undefined);
  });
  server.addEventListener('error', () => push(undefined));
  const close = (code: number, reason: string) => {
    if (!accepted) respond(new Response(null, { status: 403 }));
    else if (server.readyState === WebSocket.OPEN) server.close(code, reason);
  };
  return {
    type: 'websocket',
    fields: fieldsOf(request),
    closeCode: () => closed?.code ?? 1006,
    closeReason: () => closed?.reason ?? '',
    async read() {
      while (messages.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return messages.shift();
    },
    start(status, text) {
      if (!accepted) respond(new Response(null, { status, headers: headersOf(text) }));
    },
    write: async () => false,
    end: () => close(1000, ''),
    accept(subprotocol, text) {
      accepted = true;
      server.accept();
      const headers = headersOf(text);
      if (subprotocol !== '') headers.set('sec-websocket-protocol', subprotocol);
      respond(new Response(null, { status: 101, webSocket: client, headers } as ResponseInit));
    },
    message(data) {
      if (server.readyState === WebSocket.OPEN) server.send(data);
    },
    close,
  };
}
