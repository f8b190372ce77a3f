/** Headers that concern one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

const REQUEST_ID = /^[\w+/=-]{20,200}$/;

export interface Arrival {
  /** Of the client. */
  ip: string;
  requestId: string;
  /** As in URLs that people see; empty for the protocol's own. */
  publicPort: string;
}

/** The request's id: what the client sent, when it has Heroku's form ("HTTP Request IDs"), or a new one. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get('x-request-id');
  return given && REQUEST_ID.test(given) ? given : crypto.randomUUID();
}

/** The request as an app is given it, with the headers of Heroku's router ("HTTP Routing", "Heroku headers"). */
export function appRequest(original: Request, { ip, requestId, publicPort }: Arrival): Request {
  const request = new Request(original);
  const { headers } = request;
  const webSocket = headers.get('upgrade')?.toLowerCase() === 'websocket';
  const connection = headers.get('connection');
  if (connection) for (const name of connection.split(',')) drop(headers, name.trim());
  for (const name of HOP_BY_HOP) headers.delete(name);
  if (webSocket) headers.set('upgrade', 'websocket');
  const secure = request.url.startsWith('https:');
  headers.append('x-forwarded-for', ip);
  headers.set('x-forwarded-proto', secure ? 'https' : 'http');
  headers.set('x-forwarded-port', publicPort || (secure ? '443' : '80'));
  headers.set('x-request-start', String(Date.now()));
  headers.set('x-request-id', requestId);
  headers.append('via', '1.1 islet');
  return request;
}

function drop(headers: Headers, name: string): void {
  try {
    headers.delete(name);
  } catch {
    // What the client named is no header name.
  }
}
