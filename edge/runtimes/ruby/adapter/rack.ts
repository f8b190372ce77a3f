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

/** What Ruby leaves of a response before its body. */
interface Head {
  status: number;
  headers: Headers;
  /** Whether a body may come with it. */
  empty: boolean;
}

function readHead(fields: Uint8Array, method: string): Head {
  const [code = '500', ...rest] = new TextDecoder().decode(fields).split(NUL);
  const headers = new Headers();
  for (let at = 0; at + 1 < rest.length; at += 2) headers.append(rest[at] ?? '', rest[at + 1] ?? '');
  const status = Number(code);
  return { status, headers, empty: method === 'HEAD' || status === 204 || status === 304 || status < 200 };
}

/** Makes a response whose body is complete. */
export function toResponse(fields: Uint8Array, body: Uint8Array<ArrayBuffer>, method: string): Response {
  const head = readHead(fields, method);
  if (!head.empty) head.headers.set('content-length', String(body.length));
  return respond(head, body);
}

/** Makes a response whose body comes by and by. */
export const toStream = (fields: Uint8Array, body: ReadableStream<Uint8Array>, method: string): Response =>
  respond(readHead(fields, method), body);

function respond({ status, headers, empty }: Head, body: BodyInit): Response {
  const encoded = headers.has('content-encoding') && { encodeBody: 'manual' };
  return new Response(empty ? null : body, { status, headers, ...encoded });
}
