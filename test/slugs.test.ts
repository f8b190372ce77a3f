/** Slugs that are built elsewhere ("Creating Slugs from Scratch"): made, uploaded, released. */
import type { TarEntry } from 'modern-tar';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checksumOf, tgz } from './support/archive.ts';
import { put } from './support/builds.ts';
import { Platform } from './support/platform.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
});

afterAll(() => platform?.destroy());

interface Slug {
  id: string;
  blob: { method: string; url: string };
  size: number | null;
}

const web = { process_types: { web: 'node web.js' } };

/** A slug as Heroku's are, with a dependency in it. */
const slugOf = (text: string): Promise<Buffer> =>
  tgz({
    './app/web.js': `const words = require('words');\nrequire('http').createServer((_, res) => res.end(words('${text}'))).listen(process.env.PORT);\n`,
    './app/node_modules/words/package.json': '{"name":"words","version":"1.0.0","main":"words.js"}',
    './app/node_modules/words/words.js': "module.exports = (text) => text + ', from a slug';\n",
    './app/Procfile': 'web: node not-this.js\n',
    './etc/passwd': 'not part of the app',
  });

async function createSlug(app: string, archive?: Buffer, body: Record<string, unknown> = {}): Promise<Slug> {
  const created = await platform.api<Slug>('POST', `/apps/${app}/slugs`, { ...web, ...body });
  expect(created).toMatchObject({ status: 201, body: { blob: { method: 'put' }, size: null } });
  if (archive) expect((await put(platform, created.body.blob.url, archive)).status).toBe(200);
  return created.body;
}

const release = (app: string, slug: string, more = {}) =>
  platform.api<{ id: string; message: string }>('POST', `/apps/${app}/releases`, { slug, ...more });

it('runs a slug that was uploaded', async () => {
  await platform.api('POST', '/apps', { name: 'slugged' });
  const archive = await slugOf('hello');
  const { id } = await createSlug('slugged', archive, {
    checksum: checksumOf(archive),
    commit: '60883d9e8947a57e04dc9124f25df004866a2051',
    buildpack_provided_description: 'By hand',
    stack: 'heroku-24',
  });
  const { body: uploaded } = await platform.api<Slug>('GET', `/apps/slugged/slugs/${id}`);
  expect(uploaded).toMatchObject({ ...web, size: archive.length, buildpack_provided_description: 'By hand' });

  const released = await release('slugged', id);
  expect(released).toMatchObject({
    status: 201,
    body: { version: 2, description: 'Deploy 60883d9e', slug: { id }, current: true },
  });
  expect((await platform.app('slugged')).text).toBe('hello, from a slug');
  expect((await platform.api('GET', `/slugs/${id}`)).body).toMatchObject({ id, blob: { method: 'get' } });
  expect(await platform.newest('/apps/slugged/builds', 'created_at')).toEqual([]);
  expect(await platform.newest('/apps/slugged/formation', 'type')).toMatchObject([
    { type: 'web', command: 'node web.js' },
  ]);

  // What was released once is released again at once, there or in another app.
  await platform.api('POST', '/apps', { name: 'promoted' });
  expect(await release('promoted', id, { description: 'Promote slugged v2' })).toMatchObject({
    status: 201,
    body: { version: 2, description: 'Promote slugged v2' },
  });
  expect((await platform.app('promoted')).text).toBe('hello, from a slug');
});

it('gives the archive back', async () => {
  await platform.api('POST', '/apps', { name: 'archived' });
  const archive = await slugOf('kept');
  const { id } = await createSlug('archived', archive);
  const { body } = await platform.api<Slug>('GET', `/slugs/${id}`);
  const back = await fetch(body.blob.url, { signal: AbortSignal.timeout(60_000) });
  expect(Buffer.from(await back.arrayBuffer())).toEqual(archive);
});

it.each<[string, () => Promise<Buffer | undefined>, Record<string, unknown>, RegExp]>([
  ['is not uploaded', async () => undefined, {}, /is empty: PUT its archive to the URL/],
  ['has another checksum', () => slugOf('x'), { checksum: checksumOf(Buffer.from('y')) }, /not what its checksum says/],
  ['has no app directory', () => tgz({ 'web.js': '' }), {}, /The slug has no directory \.\/app\./],
  [
    'climbs out',
    () => tgz([{ header: { name: './app/../../evil', size: 1 }, body: 'x' }]),
    {},
    /outside of its own tree/,
  ],
  ['links to the host', () => tgz([link('app/web.js', '/etc/passwd')]), {}, /could not be unpacked/],
  ['is no archive', async () => Buffer.from('text'), {}, /could not be unpacked/],
  ['lacks what it runs', () => tgz({ 'app/other.js': '' }), {}, /runs web\.js, and there is no such file/],
  ['runs what is not JavaScript', () => slugOf('x'), { process_types: { web: 'bin/server' } }, /it runs "bin\/server"/],
])('releases no slug that %s', async (_, archive, body, message) => {
  await platform.api('POST', '/apps', { name: 'unslugged' });
  const { id } = await createSlug('unslugged', await archive(), body);
  const answer = await release('unslugged', id);
  expect(answer).toMatchObject({ status: 422, body: { id: 'invalid_params' } });
  expect(answer.body.message).toMatch(message);
  expect(await platform.newest('/apps/unslugged/releases', 'version')).toHaveLength(1);
});

const link = (name: string, linkname: string): TarEntry => ({ header: { name, size: 0, type: 'symlink', linkname } });

it.each([
  [{}, /^process_types/],
  [{ process_types: { 'we b': 'node web.js' } }, /^process_types/],
  [{ process_types: { web: 'node web.js\nworker: node evil.js' } }, /^process_types\.web: a command is one line/],
  [{ ...web, stack: 'windows' }, /^stack: there is one stack here/],
  [{ ...web, checksum: 'abc' }, /^checksum: must be SHA256/],
])('makes no slug of %j', async (body, message) => {
  await platform.api('POST', '/apps', { name: 'unmade' });
  const answer = await platform.api<{ message: string }>('POST', '/apps/unmade/slugs', body);
  expect(answer.status).toBe(422);
  expect(answer.body.message).toMatch(message);
});

it('hides slugs of apps of others', async () => {
  await platform.api('POST', '/apps', { name: 'hidden' });
  const { id } = await createSlug('hidden');
  const { body: stranger } = await platform.api<{ api_key: string }>('POST', '/users', { email: 'eve@example.com' });
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${stranger.api_key}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(60_000);
    const { status } = await fetch(`${platform.url}${path}`, { ...init, headers, signal });
    return status;
  };
  expect(await ask('/apps', { method: 'POST', body: '{"name":"eves"}' })).toBe(201);
  expect(await ask(`/slugs/${id}`)).toBe(404);
  expect(await ask('/apps/eves/releases', { method: 'POST', body: JSON.stringify({ slug: id }) })).toBe(404);
  expect(await ask('/apps/hidden/slugs', { method: 'POST', body: JSON.stringify(web) })).toBe(404);
});
