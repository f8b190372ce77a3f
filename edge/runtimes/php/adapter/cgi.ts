/** A request in CGI's variables, and a response out of what a CGI program writes (RFC 3875). */

/** Where a request goes. */
export interface Script {
  /** Absolute path of the script. */
  file: string;
  /** The script's path in URLs. */
  name: string;
  /** What of the path comes after the script's; empty where nothing does. */
  pathInfo: string;
}

/** @param root absolute path of the document root */
export function cgiVariables(
  request: Request,
  url: URL,
  { file, name, pathInfo }: Script,
  { root, bodyLength }: { root: string; bodyLength: number },
): Record<string, string> {
  const forwarded = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim();
  const scheme = request.headers.get('x-forwarded-proto') ?? url.protocol.slice(0, -1);
  const original = new URL(request.url);
  const variables: Record<string, string> = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'Islet',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: url.hostname,
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: request.headers.get('x-forwarded-port') ?? (url.port || (scheme === 'https' ? '443' : '80')),
    REMOTE_ADDR: forwarded ?? '127.0.0.1',
    REQUEST_METHOD: request.method,
    REQUEST_SCHEME: scheme,
    // A rewritten URL is told by the script's name alone.
    REQUEST_URI: original.pathname + original.search,
    QUERY_STRING: url.search.slice(1),
    DOCUMENT_ROOT: root,
    SCRIPT_FILENAME: file,
    SCRIPT_NAME: name,
    // Without it the program takes itself to be asked for by its own URL, and refuses.
    REDIRECT_STATUS: '200',
  };
  if (scheme === 'https') variables.HTTPS = 'on';
  if (pathInfo) Object.assign(variables, { PATH_INFO: pathInfo, PATH_TRANSLATED: root + pathInfo });
  const type = request.headers.get('content-type');
  if (type !== null) variables.CONTENT_TYPE = type;
  if (bodyLength > 0 || request.headers.has('content-length')) variables.CONTENT_LENGTH = String(bodyLength);
  for (const [header, value] of request.headers) {
    // `Proxy` would be HTTP_PROXY, which HTTP clients obey.
    if (/^(content-type|content-length|proxy)$/.test(header)) continue;
    variables[`HTTP_${header.toUpperCase().replaceAll('-', '_')}`] = value;
  }
  return variables;
}

const decoder = new TextDecoder();

/** The head of a response, and what of its body has come with it. */
export interface Head {
  status: number;
  headers: Headers;
  rest: Uint8Array<ArrayBuffer>;
}

/** Reads what the program wrote; undefined until its headers are whole. */
export function cgiHead(output: Uint8Array<ArrayBuffer>): Head | undefined {
  const end = endOfHeaders(output);
  if (!end) return undefined;
  const headers = new Headers();
  let status = 200;
  for (const line of decoder.decode(output.subarray(0, end.at)).trimEnd().split(/\r?\n/)) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10) || 500;
    else if (name) headers.append(name, value);
  }
  return { status, headers, rest: output.slice(end.next) };
}

const LF = 10;
const CR = 13;

/** Where the headers end, and where the body begins. */
function endOfHeaders(output: Uint8Array): { at: number; next: number } | undefined {
  for (let at = output.indexOf(LF); at >= 0; at = output.indexOf(LF, at + 1)) {
    const next = output[at + 1] === CR ? at + 2 : at + 1;
    if (output[next] === LF) return { at, next: next + 1 };
  }
  return undefined;
}
