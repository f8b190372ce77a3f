/** Requests and responses in the form in which lib/boot.rb has them: fields that end with a NUL, and a body. */

/** A header's field that no request can have: it would end in the middle. */
const NUL = '\0';

/** What Ruby is told of a request besides its body. */
export function requestFields(request: Request): Uint8Array {
  const url = new URL(request.url);
  const scheme = request.headers.get('x-forwarded-proto') ?? url.protocol.slice(0, -1);
  const remote = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '127.0.0.1';
  const fields = [
    request.method,
    decodePath(url.pathname),
    url.search.slice(1),
    scheme,
    url.hostname,
    url.port || (scheme === 'https' ? '443' : '80'),
    remote,
    ...[...request.headers].flat(),
  ];
  return new TextEncoder().encode(fields.map((field) => field.replaceAll(NUL, '')).join(NUL));
}

/** As Rack has it: escapes stay, for the app to read. */
const decodePath = (pathname: string): string => pathname;

/** Makes a response of what Ruby left. */
export function toResponse(fields: Uint8Array, body: Uint8Array<ArrayBuffer>, method: string): Response {
  const [status = '500', ...rest] = new TextDecoder().decode(fields).split(NUL);
  const headers = new Headers();
  for (let at = 0; at + 1 < rest.length; at += 2) headers.append(rest[at] ?? '', rest[at + 1] ?? '');
  const code = Number(status);
  const empty = code === 204 || code === 304 || code < 200;
  if (method !== 'HEAD' && !empty) headers.set('content-length', String(body.length));
  const encoded = headers.has('content-encoding') && { encodeBody: 'manual' };
  return new Response(empty || method === 'HEAD' ? null : body, { status: code, headers, ...encoded });
}
