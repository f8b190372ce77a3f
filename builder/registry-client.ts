/** The way to package indexes and proxies: the hosts that this host is set to use, and the public internet. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { limited } from './limited.ts';
import { PublicAgent } from './npm/public-agent.ts';
import type { RegistrySettings } from './npm/settings.ts';

/** Milliseconds without a byte. */
const PATIENCE = 30_000;

const MAX_REDIRECTS = 5;

export interface RegistryAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export class RegistryClient {
  readonly #agent: PublicAgent;
  readonly #trusted: ReadonlySet<string>;
  readonly #signal: AbortSignal;
  readonly #most: number;

  /**
   * @param trusted URLs whose hosts may be reached wherever they are, by http too
   * @param most bytes of an answer
   */
  constructor(
    trusted: readonly string[],
    { settings, signal, most }: { settings: RegistrySettings; signal: AbortSignal; most: number },
  ) {
    const { proxy, httpsProxy, noProxy, ca, strictSSL } = settings;
    this.#trusted = new Set(trusted.map((url) => hostOf(new URL(url))));
    this.#agent = new PublicAgent(
      { proxy: httpsProxy ?? proxy, noProxy, ca, rejectUnauthorized: strictSSL },
      this.#trusted,
    );
    this.#signal = signal;
    this.#most = most;
  }

  /**
   * Follows redirects; a user and password in the URL become basic authentication, for its own host alone.
   *
   * @throws Error when no whole answer comes
   */
  async get(text: string, headers: Readonly<Record<string, string>> = {}): Promise<RegistryAnswer> {
    let url = new URL(text);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      if (url.protocol !== 'https:' && !this.#trusted.has(hostOf(url))) throw new Error('it must be an https URL');
      const response = await this.#send(url, headers);
      const { statusCode: status = 0 } = response;
      const { location } = response.headers;
      if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
        response.destroy();
        url = new URL(location, url);
        continue;
      }
      return { status, headers: response.headers, body: await buffer(limited(response, this.#most, 'The answer')) };
    }
    throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
  }

  #send(url: URL, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = {
      headers: { ...headers, 'accept-encoding': 'identity' },
      agent: this.#agent,
      signal: this.#signal,
      timeout: PATIENCE,
    };
    // A URL's user and password become basic authentication by Node's own hand.
    const outgoing = start(url, options, resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`it sent nothing for ${PATIENCE / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
    return promise;
  }
}

const hostOf = ({ hostname, port, protocol }: URL): string =>
  `${hostname.replace(/^\[|\]$/g, '')}:${port || (protocol === 'https:' ? 443 : 80)}`;
