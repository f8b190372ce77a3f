/**
 * Where a request to the control plane comes from. A runner is what people connect to, and the edge hears of them from
 * it: nobody else reaches the edge. On Cloudflare, the network says it.
 */
const CLIENT = 'x-islet-client';

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/**
 * A request as a runner hands it on. Behind a proxy on this machine, as for TLS, the client is whom that proxy names
 * last in X-Forwarded-For.
 * @param peer the address at the other end of the connection
 */
export function withClientAddress(request: Request, peer: string): Request {
  const forwarded = isLoopback(peer) ? request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  const headers = new Headers(request.headers);
  headers.set(CLIENT, forwarded || peer);
  return new Request(request, { headers });
}

/** The address that `withClientAddress`, or else Cloudflare, has put into a request. */
export const clientAddress = (request: Request, env: { RUNNERS: string }): string =>
  request.headers.get(env.RUNNERS === '[]' ? 'cf-connecting-ip' : CLIENT) ?? 'unknown';
