/**
 * URLs that are permissions, as those of S3 that Heroku hands out: whoever has one may do the one thing that it names,
 * until it expires. It carries its time and an HMAC-SHA-256 over the method, the path and the query.
 */
import { secretsEqual } from './bytes.ts';

/**
 * @param url where the thing is; its query is signed with it
 * @param expires when it ends to be one, in milliseconds of the epoch
 */
export async function signUrl(secretKey: string, method: 'GET' | 'PUT', url: URL, expires: number): Promise<string> {
  const signed = new URL(url);
  signed.searchParams.set('expires', String(expires));
  signed.searchParams.set('signature', await signatureOf(secretKey, method, signed));
  return signed.href;
}

/** Whether a URL is one that `signUrl` made for this method, and its time is not over. Its host does not count. */
export async function isSigned(secretKey: string, method: 'GET' | 'PUT', url: URL): Promise<boolean> {
  const signature = url.searchParams.get('signature') ?? '';
  const unsigned = new URL(url);
  unsigned.searchParams.delete('signature');
  if (!(await secretsEqual(signature, await signatureOf(secretKey, method, unsigned)))) return false;
  return Number(unsigned.searchParams.get('expires')) > Date.now();
}

/** A time after at least a day, the same for all of one day: for URLs in resources, which must not change at each look. */
export function laterDay(): number {
  const day = 24 * 60 * 60 * 1000;
  return (Math.floor(Date.now() / day) + 2) * day;
}

async function signatureOf(secretKey: string, method: string, { pathname, searchParams }: URL): Promise<string> {
  const raw = Uint8Array.fromBase64(secretKey);
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const text = new TextEncoder().encode(`signed-url/${method} ${pathname}?${searchParams}`);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, text)).toHex();
}
