/** What workerd has, as far as it is used here. */
interface WorkerdSocket extends WebSocket {
  accept(): void;
}
declare const WebSocketPair: new () => { 0: WebSocket; 1: WorkerdSocket };

export interface UpgradeOptions {
  /** The subprotocol that the server has chosen. */
  protocol?: string;
}

export interface Upgraded {
  response: Response;
  socket: WebSocket;
}

/**
 * `Deno.upgradeWebSocket`: the server's end of a WebSocket, and the response that opens it.
 *
 * @throws TypeError when the request asks for no WebSocket
 */
export function upgradeWebSocket(request: Request, { protocol }: UpgradeOptions = {}): Upgraded {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    throw new TypeError("Invalid Header: 'upgrade' header must contain 'websocket'");
  }
  const { 0: client, 1: socket } = new WebSocketPair();
  socket.accept();
  addHandlers(socket);
  // The app adds its listeners before it returns the response.
  setTimeout(() => socket.dispatchEvent(new Event('open')), 0);
  const headers = protocol === undefined ? {} : { 'sec-websocket-protocol': protocol };
  const init: ResponseInit & { webSocket: WebSocket } = { status: 101, webSocket: client, headers };
  return { response: new Response(null, init), socket };
}

/** `onmessage` and its like, which sockets of a pair lack. */
function addHandlers(socket: WebSocket): void {
  for (const type of ['open', 'message', 'close', 'error']) {
    let handler: ((event: Event) => void) | null = null;
    socket.addEventListener(type, (event) => handler?.call(socket, event));
    Object.defineProperty(socket, `on${type}`, {
      configurable: true,
      get: () => handler,
      set: (value: unknown) => {
        handler = typeof value === 'function' ? (value as (event: Event) => void) : null;
      },
    });
  }
}
