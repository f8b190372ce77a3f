import { serverOn } from './server.ts';

const { fetch: fetchOutside, Headers: FetchHeaders, Request: FetchRequest } = globalThis;

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Lets the app reach its own servers at localhost, as in a container of its own; everything else goes out. workerd's
 * `http.request` comes by here too.
 */
export function serveOwnRequests(): void {
  globalThis.fetch = async (input, init) => {
    const url = urlOf(input);
    const server = url && LOOPBACK.test(url.hostname) ? serverOn(Number(url.port || 80)) : undefined;
    if (!server) return fetchOutside(input, init);
    const request = new FetchRequest(input as Request, init);
    const headers = new FetchHeaders(request.headers);
    headers.set('host', url?.host ?? '');
    return server.handle(new FetchRequest(request, { headers }));
  };
}

function urlOf(input: unknown): URL | null {
  if (input instanceof URL) return input;
  return URL.parse(typeof input === 'object' && input !== null && 'url' in input ? String(input.url) : String(input));
}
