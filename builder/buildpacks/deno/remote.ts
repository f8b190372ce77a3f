/** Modules that an app imports by a URL: fetched once, checked against the hashes of deno.lock. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Loader } from 'esbuild';
import { BuildFailure } from '../../failure.ts';
import { limited } from '../../limited.ts';
import type { BuildContext } from '../buildpack.ts';

export interface RemoteModule {
  /** Where it came from, after redirects: what its own imports are relative to. */
  url: string;
  source: string;
  loader: Loader;
}

/** Most bytes of a module. */
const MAX_MODULE = 20 * 1024 ** 2;

/** Most modules that an app may import by their URLs, and most bytes of all of them. */
const MAX_MODULES = 5_000;
const MAX_TOTAL = 256 * 1024 ** 2;

const LOADERS: Record<string, Loader> = { ts: 'ts', mts: 'ts', tsx: 'tsx', jsx: 'jsx', json: 'json' };
const TYPES: Record<string, Loader> = {
  'application/typescript': 'ts',
  'text/typescript': 'ts',
  'video/mp2t': 'ts',
  'text/tsx': 'tsx',
  'text/jsx': 'jsx',
  'application/json': 'json',
};

export class RemoteModules {
  readonly #context: BuildContext;
  readonly #hashes: Readonly<Record<string, string>>;
  readonly #known = new Map<string, Promise<RemoteModule>>();
  #bytes = 0;

  /** @param hashes of deno.lock: URL to SHA-256 */
  constructor(context: BuildContext, hashes: Readonly<Record<string, string>>) {
    this.#context = context;
    this.#hashes = hashes;
  }

  /**
   * Gets a module; each once.
   *
   * @throws BuildFailure when it cannot be had, or is not the one that deno.lock knows
   */
  get(url: string): Promise<RemoteModule> {
    const known = this.#known.get(url) ?? this.#fetch(url);
    this.#known.set(url, known);
    return known;
  }

  async #fetch(url: string): Promise<RemoteModule> {
    const { web, log, signal } = this.#context;
    if (this.#known.size > MAX_MODULES)
      throw new BuildFailure(`The app imports more than ${MAX_MODULES} modules by URL.`);
    log.detail(`Download ${withoutSecrets(url)}`);
    const what = `The module ${withoutSecrets(url)}`;
    const response = await web.fetch(url, { what, headers: { accept: '*/*', 'user-agent': 'Deno/2' }, signal });
    const bytes = await buffer(limited(response, MAX_MODULE, what));
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_TOTAL) {
      throw new BuildFailure(`The modules that the app imports by URL are larger than ${MAX_TOTAL / 1024 ** 2} MB.`);
    }
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const expected = this.#hashes[url];
    if (expected !== undefined && expected !== sha256) {
      throw new BuildFailure(`${what} is not the one that deno.lock pins.`, {
        details: [`Actual:   ${sha256}`, `Expected: ${expected}`],
        help: ['Find out why it has changed. To take it as it is, run `deno install --reload` and commit deno.lock.'],
      });
    }
    const [type = ''] = (response.headers['content-type'] ?? '').split(';');
    const extension = /\.(\w+)$/.exec(new URL(url).pathname)?.[1] ?? '';
    return { url, source: bytes.toString('utf8'), loader: TYPES[type.trim()] ?? LOADERS[extension] ?? 'js' };
  }
}

const withoutSecrets = (text: string): string => {
  const url = new URL(text);
  return `${url.origin}${url.pathname}`;
};
