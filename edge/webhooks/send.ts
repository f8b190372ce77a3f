import type { Env } from '../env.ts';
import { fetchPublic } from '../platform/internet.ts';
import type { Webhook } from './event.ts';

/** How long a receiver may take to answer. Milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * POSTs a body to a webhook's URL, signed as "App Webhooks", "Securing webhook requests": the header has the base64 of
 * the body's HMAC-SHA-256. Redirects are not followed.
 * @returns the status of the answer, or the class of the error that there was instead
 */
export async function send(
  env: Env,
  { url, secret, authorization }: Webhook,
  body: string,
): Promise<{ code: number } | { errorClass: string }> {
  try {
    const response = await fetchPublic(env, url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Islet-Webhooks/1.0',
        'heroku-webhook-hmac-sha256': await signature(secret, body),
        ...(authorization !== null && { authorization }),
      },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return { code: response.status };
  } catch (error) {
    return { errorClass: error instanceof DOMException ? error.name : 'ConnectionError' };
  }
}

/** The base64 of an HMAC-SHA-256. */
export async function signature(secret: string, body: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(body))).toBase64();
}
