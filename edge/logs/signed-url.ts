/**
 * The URL of a log session: whoever has it may read the log until it expires, as with Logplex. It carries its filter
 * and an HMAC-SHA-256 over all of it.
 */
import { secretsEqual } from '../platform/bytes.ts';
import type { LogFilter } from './log-channel.ts';

/** How long after its making a session can be opened. Milliseconds. */
const VALID_FOR = 5 * 60 * 1000;

/** @param origin where the reader reaches the platform, `http://localhost:5000` */
export async function signLogUrl(secretKey: string, origin: string, appId: string, filter: LogFilter): Promise<string> {
  const query = new URLSearchParams({
    lines: String(filter.lines),
    tail: String(filter.tail),
    ...(filter.source && { source: filter.source }),
    ...(filter.dyno && { dyno: filter.dyno }),
    expires: String(Date.now() + VALID_FOR),
  });
  query.set('signature', await sign(secretKey, appId, query));
  return `${origin}/logs/${appId}?${query}`;
}

/** The filter that a URL grants, or undefined when its signature is wrong or its time over. */
export async function verifyLogUrl(secretKey: string, appId: string, url: URL): Promise<LogFilter | undefined> {
  const query = new URLSearchParams(url.search);
  const signature = query.get('signature') ?? '';
  query.delete('signature');
  if (!(await secretsEqual(signature, await sign(secretKey, appId, query)))) return undefined;
  if (Number(query.get('expires')) < Date.now()) return undefined;
  return {
    lines: Number(query.get('lines')),
    tail: query.get('tail') === 'true',
    source: query.get('source') ?? undefined,
    dyno: query.get('dyno') ?? undefined,
  };
}

async function sign(secretKey: string, appId: string, query: URLSearchParams): Promise<string> {
  const key = await crypto.subtle.importKey(
    'raw',
    Uint8Array.fromBase64(secretKey),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const text = new TextEncoder().encode(`log-session/${appId}?${query}`);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, text)).toHex();
}
