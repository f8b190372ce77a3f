/**
 * Module proxies ("GOPROXY protocol", Go Modules Reference): the app's config var GOPROXY, or else what the Go on this
 * host is set to. Answers that never change are kept between builds, modules as the go command lays them out.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { fromBufferPromise } from 'yauzl';
import { BuildFailure } from '../../failure.ts';
import { RegistryClient } from '../../registry-client.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';

/** Most bytes of a module's archive, and of its files: what the go command takes. */
const MAX_ZIP = 500 * 1024 ** 2;
const MAX_FILES = 100_000;

/** Where modules are kept: below it, `<escaped path>@<escaped version>`, and beside that its hash. */
export interface Places {
  /** GOMODCACHE. */
  modules: string;
  /** What proxies answered. */
  answers: string;
}

const run = promisify(execFile);

/** What GOPROXY is on this host: the environment variable, or the setting of its Go. */
async function hostProxies(): Promise<string> {
  if (process.env.GOPROXY) return process.env.GOPROXY;
  try {
    return (await run('go', ['env', 'GOPROXY'])).stdout.trim();
  } catch {
    return '';
  }
}

export class ModuleProxy {
  readonly #places: Places;
  readonly #proxies: { url: string /** Whether the next is asked after any failure. */; always: boolean }[];
  readonly #client: RegistryClient;
  readonly #context: BuildContext;
  readonly #modules = new Map<string, Promise<string | undefined>>();
  /** How many modules came over the network. */
  fetched = 0;

  private constructor(list: string, host: string, places: Places, context: BuildContext) {
    this.#places = places;
    this.#proxies = parseProxies(list);
    const trusted = parseProxies(host).map(({ url }) => url);
    this.#client = new RegistryClient(trusted, { ...context, most: MAX_ZIP });
    this.#context = context;
  }

  static async open(places: Places, context: BuildContext): Promise<ModuleProxy> {
    const host = await hostProxies();
    return new ModuleProxy(context.config.GOPROXY ?? host, host, places, context);
  }

  /**
   * Gets a file of the protocol: `golang.org/x/text/@v/v0.3.0.mod`.
   *
   * @returns undefined where no proxy has it
   * @throws BuildFailure when none can be asked
   */
  async file(path: string): Promise<Buffer | undefined> {
    const immutable = /\.(info|mod|zip)$/.test(path);
    const place = join(this.#places.answers, ...hashed(path));
    const kept = immutable ? await readFile(place).catch(() => undefined) : undefined;
    if (kept) return kept;
    const bytes = await this.#fetch(path);
    // A module's archive is kept as its files.
    if (bytes && immutable && !path.endsWith('.zip')) await writeWhole(place, bytes);
    return bytes;
  }

  /**
   * Gets a module's files.
   *
   * @param name `<escaped path>@<escaped version>`
   * @returns the directory with them, and their hash beside it: undefined where no proxy has the module
   */
  module(name: string): Promise<string | undefined> {
    const known = this.#modules.get(name) ?? this.#module(name);
    this.#modules.set(name, known);
    return known;
  }

  async #module(name: string): Promise<string | undefined> {
    const directory = join(this.#places.modules, name);
    if (existsSync(directory)) return directory;
    const [path = '', version = ''] = splitName(name);
    const what = `The module ${unescaped(path)} ${unescaped(version)}`;
    this.#context.log.detail(`go: downloading ${unescaped(path)} ${unescaped(version)}`);
    const zip = await this.file(`${path}/@v/${version}.zip`);
    if (!zip) return undefined;
    this.fetched += 1;
    const work = `${directory}.${randomUUID()}`;
    try {
      const sum = await extract(zip, `${unescaped(path)}@${unescaped(version)}/`, work, what);
      await writeWhole(sumFile(directory), Buffer.from(sum));
      await rename(work, directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return directory;
  }

  async #fetch(path: string): Promise<Buffer | undefined> {
    if (this.#proxies.length === 0) {
      throw new BuildFailure('This platform knows no Go module proxy.', {
        help: [
          'Set the config var GOPROXY, or commit the modules with `go mod vendor`.',
          'The operator can set GOPROXY in the environment of the platform, or install Go.',
        ],
      });
    }
    let failure: Error | undefined;
    for (const { url, always } of this.#proxies) {
      try {
        const { status, body } = await this.#client.get(`${url}/${path}`);
        if (status === 200) return body;
        failure = status === 404 || status === 410 ? undefined : new Error(`it answered ${status}`);
        if (failure && !always) break;
      } catch (error) {
        this.#context.signal.throwIfAborted();
        failure = error as Error;
        if (!always) break;
      }
    }
    if (!failure) return undefined;
    throw new BuildFailure(`The module proxy could not be asked for ${path}: ${failure.message}.`, { cause: failure });
  }
}

/** The hash of a module that is kept, as go.sum has it: `h1:…`. */
const sumFile = (directory: string): string => `${directory}.ziphash`;

export const readSum = (directory: string): Promise<string | undefined> =>
  readFile(sumFile(directory), 'utf8').catch(() => undefined);

/** Ends at `direct` and `off`, as there are no version control systems here. */
function parseProxies(list: string): { url: string; always: boolean }[] {
  const proxies: { url: string; always: boolean }[] = [];
  for (const [, text = '', separator] of list.matchAll(/([^,|]+)([,|]?)/g)) {
    const url = text.trim().replace(/\/+$/, '');
    if (url === 'direct' || url === 'off') break;
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new BuildFailure(`GOPROXY has ${JSON.stringify(url)}, which is no http or https URL.`);
    }
    proxies.push({ url, always: separator === '|' });
  }
  return proxies;
}

/**
 * Unpacks a module's archive.
 *
 * @param prefix what every name in it begins with: `golang.org/x/text@v0.3.0/`
 * @returns its hash: SHA-256 of a line for each file, in the order of their names ("go.sum files", Go Modules Reference)
 */
async function extract(zip: Buffer, prefix: string, directory: string, what: string): Promise<string> {
  const lines: { name: string; line: string }[] = [];
  let total = 0;
  try {
    const archive = await fromBufferPromise(zip, { validateEntrySizes: true });
    for await (const entry of archive.eachEntry()) {
      const { fileName: name } = entry;
      const path = name.slice(prefix.length);
      if (!name.startsWith(prefix) || path.split('/').includes('..')) throw new Error(`it has a file ${name}`);
      total += entry.uncompressedSize;
      if (total > MAX_ZIP) throw new Error(`it has more than ${MAX_ZIP / 1024 ** 2} MB of files`);
      if (lines.length >= MAX_FILES) throw new Error(`it has more than ${MAX_FILES} files`);
      if (name.endsWith('/')) continue;
      const content = await buffer(await archive.openReadStreamPromise(entry));
      const hash = createHash('sha256').update(content).digest('hex');
      lines.push({ name, line: `${hash}  ${name}\n` });
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    }
  } catch (error) {
    throw new BuildFailure(`${what} cannot be unpacked: ${(error as Error).message}.`, { cause: error });
  }
  lines.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const sum = createHash('sha256');
  for (const { line } of lines) sum.update(line);
  return `h1:${sum.digest('base64')}`;
}

/** Upper-case letters are written `!a`, for file systems that know no difference. */
const unescaped = (text: string): string => text.replaceAll(/!([a-z])/g, (_, letter: string) => letter.toUpperCase());

const splitName = (name: string): string[] => {
  const at = name.lastIndexOf('@');
  return [name.slice(0, at), name.slice(at + 1)];
};

function hashed(key: string): [string, string] {
  const name = createHash('sha256').update(key).digest('hex');
  return [name.slice(0, 2), name.slice(2)];
}
