/** The way to package indexes: the hosts that pip's configuration names, and the public internet. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RegistryClient } from '../../registry-client.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import type { Answer } from './pip.ts';

/** Most bytes of a file. */
const MAX_BYTES = 256 * 1024 ** 2;

/** Files whose name says all of what is in them: an index never changes one. */
const IMMUTABLE = /\.(whl|tar\.gz)(\.metadata)?$/;

export class IndexClient {
  readonly #client: RegistryClient;
  readonly #cache: string;

  /** @param trusted URLs whose hosts may be reached wherever they are */
  constructor(trusted: readonly string[], { settings, cache, signal }: BuildContext) {
    this.#client = new RegistryClient(trusted, { settings, signal, most: MAX_BYTES });
    this.#cache = cache;
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
      const { status, headers: found, body } = await this.#client.get(url, headers);
      if (immutable && status === 200) await writeWhole(place, body);
      const pairs = Object.entries(found).map(([name, value]) => [name, String(value)]);
      return { status, headers: JSON.stringify(pairs), body, error: '' };
    } catch (error) {
      return { status: 0, headers: '[]', body: new Uint8Array(), error: `${url}: ${(error as Error).message}` };
    }
  }
}
