/** The way to package indexes: the hosts that pip's configuration names, and the public internet. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { PublicAgent } from '../../npm/public-agent.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import type { Answer } from './pip.ts';

/** Most bytes of a file. */
const MAX_BYTES = 256 * 1024 ** 2;

/** Milliseconds without a byte. */
const PATIENCE = 30_000;

const MAX_REDIRECTS = 5;

/** Files whose name says all of what is in them: an index never changes one. */
const IMMUTABLE = /\.(whl|tar\.gz)(\.metadata)?$/;

export class IndexClient {
  readonly #agent: HttpAgent;
  readonly #trusted: ReadonlySet<string>;
  readonly #cache: string;
  readonly #signal: AbortSignal;

  /** @param trusted URLs whose hosts may be reached wherever they are */
  constructor(trusted: readonly string[], { settings, cache, signal }: BuildContext) {
    const { proxy, httpsProxy, noProxy, ca, strictSSL } = settings;
    this.#trusted = new Set(trusted.map((url) => hostOf(new URL(url))));
    this.#agent = new PublicAgent(
      { proxy: httpsProxy ?? proxy, noProxy, ca, rejectUnauthorized: strictSSL },
      this.#trusted,
    );
    this.#cache = cache;
    this.#signal = signal;
  }

  /**
   * @param cache the context's
   * @param key what the file is known by
   * @returns where a file is kept between builds
   */
  static place(cache: string, key: string): string {
    const name = createHash('sha256').update(key).digest('hex');
    return join(dirname(cache), 'python', name.slice(0, 2), name.slice(2));
  }

  /** Gets a URL for pip; never throws. */
  async get(url: string, headers: Record<string, string>): Promise<Answer> {
    const immutable = IMMUTABLE.test(new URL(url).pathname);
    const place = IndexClient.place(this.#cache, url);
    try {
      const kept = immutable ? await readFile(place).catch(() => undefined) : undefined;
      if (kept) return { status: 200, headers: '[]', body: kept, error: '' };
      const answer = await this.#fetch(url, headers);
      if (immutable && answer.status === 200) await writeWhole(place, answer.body);
      return answer;
    } catch (error) {
      return { status: 0, headers: '[]', body: new Uint8Array(), error: `${url}: ${(error as Error).message}` };
    }
  }

  async #fetch(text: string, headers: Record<string, string>): Promise<Answer> {
    let url = new URL(text);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      if (url.protocol !== 'https:' && !this.#trusted.has(hostOf(url))) throw new Error('it must be an https URL');
      const response = await this.#send(url, headers);
      const { statusCode = 0 } = response;
      const { location } = response.headers;
      if ([301, 302, 303, 307, 308].includes(statusCode) && location !== undefined) {
        response.destroy();
        url = new URL(location, url);
        continue;
      }
      const pairs = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
      return { status: statusCode, headers: JSON.stringify(pairs), body: await buffer(limited(response)), error: '' };
    }
    throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
  }

  #send(url: URL, headers: Record<string, string>): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = {
      headers: { ...headers, 'Accept-Encoding': 'identity' },
      agent: this.#agent,
      signal: this.#signal,
      timeout: PATIENCE,
    };
    const outgoing = start(url, options, resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`it sent nothing for ${PATIENCE / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
    return promise;
  }
}

const hostOf = ({ hostname, port, protocol }: URL): string =>
  `${hostname.replace(/^\[|\]$/g, '')}:${port || (protocol === 'https:' ? 443 : 80)}`;

async function* limited(response: IncomingMessage): AsyncIterable<Uint8Array> {
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 ** 2} MB`);
    yield chunk;
  }
}
