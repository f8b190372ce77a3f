/** Heads of requests as a client of HTTP/1.1 writes them (RFC 9112). */

/** What concerns a connection that ends before the app, and what is written here. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What a head says of its connection. */
const ENDINGS = {
  plain: '\r\n',
  chunked: 'Transfer-Encoding: chunked\r\n\r\n',
  webSocket: 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
};

export function requestHead(
  { method, url }: { method: string; url: string },
  headers: Headers,
  ending: keyof typeof ENDINGS,
): Uint8Array<ArrayBuffer> {
  const { host, pathname, search } = new URL(url);
  let head = `${method} ${pathname}${search} HTTP/1.1\r\nHost: ${headers.get('host') ?? host}\r\n`;
  for (const [name, value] of headers) {
    if (!OF_THE_CONNECTION.has(name)) head += `${name}: ${value}\r\n`;
  }
  return Buffer.from(head + ENDINGS[ending], 'latin1') as Uint8Array<ArrayBuffer>;
}
