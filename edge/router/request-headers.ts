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

/** The headers of a request as an app is given them: with those of Heroku's router ("HTTP Routing", "Heroku headers"). */
export function appHeaders(request: Request, { ip, requestId, publicPort }: Arrival): Record<string, string> {
  const headers: Record<string, string> = {};
  request.headers.forEach((value, name) => {
    headers[name] = value;
  });
  const { connection, upgrade } = headers;
  if (connection) for (const name of connection.split(',')) delete headers[name.trim().toLowerCase()];
  for (const name of HOP_BY_HOP) if (headers[name] !== undefined) delete headers[name];
  if (upgrade?.toLowerCase() === 'websocket') headers.upgrade = 'websocket';
  const secure = request.url.startsWith('https:');
  headers['x-forwarded-for'] = headers['x-forwarded-for'] === undefined ? ip : `${headers['x-forwarded-for']}, ${ip}`;
  headers['x-forwarded-proto'] = secure ? 'https' : 'http';
  headers['x-forwarded-port'] = publicPort || (secure ? '443' : '80');
  headers['x-request-start'] = String(Date.now());
  headers['x-request-id'] = requestId;
  headers.via = headers.via === undefined ? '1.1 islet' : `${headers.via}, 1.1 islet`;
  return headers;
}
