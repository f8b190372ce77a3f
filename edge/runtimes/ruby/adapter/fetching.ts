/** Requests that Ruby sends: what lib/net/http.rb calls, as `JS.global[:islet].fetch`. */
import type { Files } from './engine.ts';

/** Fields end with a NUL, which no header holds. */
const NUL = '\0';

/** Statuses that come without a body (RFC 9110, section 6.4.1). */
const EMPTY = new Set([204, 304]);

/**
 * Sends a request, and leaves the response in a file in the form in which HTTP has it.
 *
 * @param pairs names and values of headers, joined with NULs
 * @param body the path of the file that has it, which is deleted; null for none
 * @param timeout seconds; 0 for none
 * @returns the path of the file
 */
export type Fetch = (
  method: string,
  url: string,
  pairs: string,
  body: string | null,
  timeout: number,
) => Promise<string>;

export function fetching(files: Files): Fetch {
  let count = 0;
  return async (method, url, pairs, body, timeout) => {
    const words = pairs === '' ? [] : pairs.split(NUL);
    const headers = new Headers();
    for (let at = 0; at + 1 < words.length; at += 2) headers.append(words[at] ?? '', words[at + 1] ?? '');
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      body: body === null ? undefined : files.take(body),
      ...(timeout > 0 && { signal: AbortSignal.timeout(timeout * 1000) }),
    });
    const path = `/islet/${++count}.fetched`;
    files.write(path, await serialize(response, method));
    return path;
  };
}

/** As HTTP/1.1 has it; the body is whole and unpacked, and its headers say so. */
async function serialize(response: Response, method: string): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const lines = [`HTTP/1.1 ${response.status} ${response.statusText}`];
  for (const [name, value] of response.headers) {
    if (!/^(content-length|content-encoding|transfer-encoding|connection)$/.test(name)) lines.push(`${name}: ${value}`);
  }
  if (method !== 'HEAD' && !EMPTY.has(response.status)) lines.push(`content-length: ${body.length}`);
  const head = new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
