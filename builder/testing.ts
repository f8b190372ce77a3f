/** What the builder's tests share: an edge that is none, apps as archives, and slugs brought to life under Node.js. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { createServer, Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { packTar, unpackTar } from 'modern-tar';
import { onTestFinished } from 'vitest';
import { type BuildEvent, type BuildResult, buildEvent } from '../schema/build.ts';
import { appRoot, type SlugManifest, slugManifest } from '../schema/slug.ts';
import { readHostSettings } from './npm/settings.ts';
import { PackageStore } from './npm/store.ts';
import { createBuildServer } from './server.ts';
import { Web } from './web.ts';

export const secret = 'a secret for tests';

/** A directory that is removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'islet-builder-')));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The text of files by their path. */
export type Files = Record<string, string>;

/** A fixture of test/apps/, as git has it. */
export async function fixture(name: string): Promise<Files> {
  const directory = join(import.meta.dirname, '../test/apps', name);
  const files: Files = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const place = path.slice(directory.length + 1);
    if (entry.isFile() && !place.startsWith('node_modules')) files[place] = await readFile(path, 'utf8');
  }
  return files;
}

export function tarOf(files: Files): Promise<Uint8Array> {
  return packTar(
    Object.entries(files).map(([name, body]) => ({ header: { name, size: Buffer.byteLength(body) }, body })),
  );
}

export interface BuildReport {
  result: BuildResult;
  output: string;
  /** Milliseconds by phase. */
  phases: Record<string, number>;
  /** The stored slug; undefined for a failed build. */
  slug: Slug | undefined;
}

export interface Slug {
  bytes: Buffer;
  manifest: SlugManifest;
  /** Contents by path in the archive. */
  entries: Map<string, Buffer>;
}

/** Starts a builder with caches of its own. It stops when the test ends. */
export async function startBuilder({ concurrency = 2, trusted = [] as string[] } = {}) {
  const directory = temporaryDirectory();
  const sources = new Map<string, Uint8Array>();
  const slugs = new Map<string, Buffer>();
  /** What slugs have in common. */
  const engines = new Map<string, Buffer>();
  /** Of all apps together. */
  const caches = new Map<string, Buffer>();
  const stalled = new Set<string>();

  const edge = createServer(async (request, response) => {
    const [, kind, name = ''] = request.url?.split('/') ?? [];
    if (request.headers.authorization !== `Bearer ${secret}`) response.writeHead(401).end();
    else if (kind === 'slugs' && request.method === 'PUT') {
      slugs.set(name, await buffer(request));
      response.writeHead(200).end();
    } else if (kind === 'engines' && request.method === 'PUT') {
      engines.set(name, await buffer(request));
      response.writeHead(200).end();
    } else if (kind === 'caches' && request.method === 'PUT') {
      caches.set(name, await buffer(request));
      response.writeHead(200).end();
    } else if (kind === 'caches' && caches.has(name)) response.end(caches.get(name));
    else if (stalled.has(name)) {
      // Never answered.
    } else if (kind === 'sources' && sources.has(name)) response.end(sources.get(name));
    else response.writeHead(404).end();
  });
  const edgeUrl = await listen(edge);

  const work = join(directory, 'work');
  mkdirSync(work);
  mkdirSync(join(directory, 'npm'));
  const settings = await readHostSettings(join(directory, 'npm'));
  const builds = createBuildServer(
    {
      secret,
      store: new PackageStore(join(directory, 'packages')),
      cache: join(directory, 'registry'),
      work,
      settings,
      web: new Web(settings, new Set(trusted)),
    },
    { concurrency },
  );
  const url = await listen(builds.server);
  onTestFinished(() => builds.stop());

  async function order(source: Uint8Array | Files, config: Record<string, string> = {}) {
    const id = crypto.randomUUID();
    sources.set(id, source instanceof Uint8Array ? source : await tarOf(source));
    return {
      id,
      app: { id: crypto.randomUUID(), name: 'test' },
      source: { url: `${edgeUrl}/sources/${id}`, from: 'push', sha256: null, version: null },
      buildpacks: [] as string[],
      slug: null,
      slugs: `${edgeUrl}/slugs`,
      engines: `${edgeUrl}/engines`,
      caches: `${edgeUrl}/caches`,
      config,
    };
  }

  function post(
    body: unknown,
    { signal, authorization = `Bearer ${secret}` }: { signal?: AbortSignal; authorization?: string } = {},
  ) {
    return fetch(`${url}/builds`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
  }

  async function build(source: Uint8Array | Files, config?: Record<string, string>): Promise<BuildReport> {
    const response = await post(await order(source, config));
    const events = (await response.text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line): BuildEvent => buildEvent.parse(JSON.parse(line)));
    const output = events.map((event) => (event.type === 'output' ? event.text : '')).join('');
    const phases = Object.fromEntries(
      events.flatMap((event) => (event.type === 'phase' ? [[event.phase, event.ms]] : [])),
    );
    const result = events.at(-1);
    if (result?.type !== 'result') throw new Error(`The stream ended without a result:\n${output}`);
    const bytes = result.status === 'succeeded' ? slugs.get(result.slug.sha256) : undefined;
    return { result, output, phases, slug: bytes && (await readSlug(bytes)) };
  }

  /** Makes the edge never answer for an order's source. */
  const stall = ({ id }: { id: string }) => void stalled.add(id);

  return { url, work, order, post, build, stall };
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function readSlug(bytes: Buffer): Promise<Slug> {
  const entries = new Map<string, Buffer>();
  for (const { header, data } of await unpackTar(bytes)) entries.set(header.name, Buffer.from(data ?? []));
  const manifest = slugManifest.parse(JSON.parse(entries.get('manifest.json')?.toString() ?? ''));
  return { bytes, manifest, entries };
}

/**
 * Runs a process type of a slug in this process, as edge/runtimes/node/ says, with its tree in a temporary directory.
 *
 * @returns what the bundle's function returned
 */
export async function runSlug({ manifest, entries }: Slug, type = 'web'): Promise<unknown> {
  const root = temporaryDirectory();
  for (const [name, data] of entries) {
    if (!name.startsWith('files/')) continue;
    const path = join(root, name.slice('files/'.length));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }
  const code = entries.get(`code/${manifest.processTypes[type]?.entry}`)?.toString();
  if (code === undefined) throw new Error(`The slug has no code for ${type}`);
  const file = join(root, '..', `${root.slice(root.lastIndexOf('/') + 1)}.cjs`);
  writeFileSync(file, code.replaceAll(appRoot, root));
  onTestFinished(() => rm(file));
  const require = createRequire(join(root, 'main.js'));
  const start: unknown = require(file);
  if (typeof start !== 'function') throw new Error('The bundle exports no function');
  const module = { exports: {} };
  return start(
    Object.assign((id: string) => require(id), require, { main: module }),
    module,
    module.exports,
  );
}

/** Runs a `web` process on a free port and gives its address. */
export async function serveSlug(slug: Slug): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server) {
    Server.prototype.listen = listen;
    onTestFinished(() => {
      this.closeAllConnections();
      this.close();
    });
    this.once('listening', () => resolve(`http://127.0.0.1:${(this.address() as AddressInfo).port}`));
    return Reflect.apply(listen, this, [0, '127.0.0.1']);
  };
  await runSlug(slug);
  return promise;
}
