/**
 * Fetches what the people of an app name: archives and git repositories. It reaches the public internet by https, and
 * hosts that this host's settings trust; no redirect and no name gets around that.
 */
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BuildFailure } from './failure.ts';
import { PublicAgent } from './npm/public-agent.ts';
import type { RegistrySettings } from './npm/settings.ts';

const maxRedirects = 5;
/** Milliseconds without a byte. */
const patience = 30_000;

export interface WebRequest {
  /** Names what is fetched in messages: `The source`. */
  what: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** Statuses that are answers besides success; others that are none fail. */
  answers?: readonly number[];
  signal: AbortSignal;
}

export class Web {
  readonly #agent: PublicAgent;
  /** `host:port` of hosts that may be reached wherever they are. */
  readonly trusted: ReadonlySet<string>;

  /**
   * @param settings how this host reaches the internet
   * @param trusted `host:port` of hosts that may be reached wherever they are, by http too
   */
  constructor({ proxy, httpsProxy, noProxy, ca, strictSSL }: RegistrySettings, trusted: ReadonlySet<string>) {
    this.#agent = new PublicAgent({ proxy: httpsProxy ?? proxy, noProxy, ca, rejectUnauthorized: strictSSL }, trusted);
    this.trusted = trusted;
  }

  /**
   * Sends a request and follows redirects.
   *
   * @returns the body, still to be read
   * @throws BuildFailure when the URL may not be reached, or the answer is no success
   */
  async fetch(
    text: string,
    { what, method = 'GET', headers = {}, body, answers = [], signal }: WebRequest,
  ): Promise<IncomingMessage> {
    let url = this.#check(text, what);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const response = await this.#send(url, { method, headers, body, signal }).catch((error: Error) => {
        signal.throwIfAborted();
        throw new BuildFailure(`${what} could not be fetched from ${url.host}: ${error.message}.`, { cause: error });
      });
      const { statusCode = 0 } = response;
      if ((statusCode >= 200 && statusCode < 300) || answers.includes(statusCode)) return response;
      response.destroy();
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) {
        throw new BuildFailure(`${what} could not be fetched: ${url.host} answered ${statusCode} for ${url.pathname}.`);
      }
      const next = this.#check(new URL(location, url).href, what);
      // What proves who asks is for the host that it was meant for.
      if (next.host !== url.host)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
      url = next;
    }
    throw new BuildFailure(`${what} could not be fetched: ${url.host} redirects more than ${maxRedirects} times.`);
  }

  #check(text: string, what: string): URL {
    const url = URL.parse(text);
    if (url?.protocol === 'https:') return url;
    const port = url?.port || '80';
    if (url?.protocol === 'http:' && this.trusted.has(`${url.hostname}:${port}`)) return url;
    throw new BuildFailure(`${what} must have an https URL.`);
  }

  #send(
    url: URL,
    {
      method,
      headers,
      body,
      signal,
    }: { method: string; headers: Record<string, string>; body?: Uint8Array; signal: AbortSignal },
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = start(
      url,
      { method, headers: { 'user-agent': 'islet', ...headers }, agent: this.#agent, signal, timeout: patience },
      resolve,
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`it sent nothing for ${patience / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(body);
    return promise;
  }
}
