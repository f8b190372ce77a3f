/**
 * Requests that one runner hands to another, over its private socket. The URL's path, the method and the body are the
 * client's; headers of ours carry the rest.
 */
import type { DynoClient } from '../router/index.ts';
import { failure } from '../runtimes/failure.ts';

const SECRET = 'x-islet-forward';
const URL_HEADER = 'x-islet-url';
const DYNO = 'x-islet-dyno';

/** A dyno of the runner at `runner`, its private URL. `key` names its Durable Object. */
export function remoteDyno(runner: string, key: string, secret: string): DynoClient {
  return {
    async fetch(request) {
      const forwarded = new Request(new URL('/', runner), request);
      forwarded.headers.set(SECRET, secret);
      forwarded.headers.set(URL_HEADER, request.url);
      forwarded.headers.set(DYNO, key);
      try {
        return await fetch(forwarded);
      } catch {
        return failure('H13');
      }
    },
  };
}

export interface Forwarded {
  secret: string;
  key: string;
  request: Request;
}

/** What another runner forwarded, or undefined for a request of another kind. */
export function readForwarded(request: Request): Forwarded | undefined {
  const secret = request.headers.get(SECRET);
  const url = request.headers.get(URL_HEADER);
  const key = request.headers.get(DYNO);
  if (!secret || !url || !key) return undefined;
  const original = new Request(url, request);
  for (const name of [SECRET, URL_HEADER, DYNO]) original.headers.delete(name);
  original.headers.set('host', new URL(url).host);
  return { secret, key, request: original };
}
