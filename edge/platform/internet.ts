/** The way out for what people name: drains, webhooks. It leads to the public internet alone. */
import { connect } from 'cloudflare:sockets';
import type { Env } from '../env.ts';

/**
 * On one machine INTERNET reaches public addresses alone, whatever a name resolves to; TRUSTED reaches any, and is used
 * for the hosts that the operator names. On Cloudflare nothing private is in reach.
 */
export interface InternetEnv {
  INTERNET?: Fetcher;
  TRUSTED?: Fetcher;
  /** `host:port`, separated by commas. */
  TRUSTED_HOSTS?: string;
}

/** Requests a URL; does not follow redirects. */
export function fetchPublic(env: Env, url: string, init: RequestInit): Promise<Response> {
  const way = wayTo(env, new URL(url));
  return (
    way ? way.fetch(url, { ...init, redirect: 'manual' }) : fetch(url, { ...init, redirect: 'manual' })
  ) as Promise<Response>;
}

/** Opens a connection, with TLS where `tls` is true. */
export function connectPublic(
  env: Env,
  { hostname, port, tls }: { hostname: string; port: number; tls: boolean },
): Socket {
  const address = { hostname, port };
  const options: SocketOptions = { secureTransport: tls ? 'on' : 'off', allowHalfOpen: false };
  const way = wayTo(env, new URL(`http://${hostname}:${port}`));
  return way ? way.connect(address, options) : connect(address, options);
}

/** Whether the operator lets this host be reached wherever it is. */
export function isTrusted({ TRUSTED_HOSTS = '' }: InternetEnv, { hostname, port, protocol }: URL): boolean {
  const asked = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`.toLowerCase();
  return TRUSTED_HOSTS.toLowerCase()
    .split(',')
    .some((host) => host.trim() === asked);
}

function wayTo(env: InternetEnv, url: URL): Fetcher | undefined {
  return isTrusted(env, url) ? env.TRUSTED : env.INTERNET;
}
