/** Deploying without git: archives that are uploaded, or fetched from a URL. */
import { request as httpRequest } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { TarEntry } from 'modern-tar';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checksumOf, tgz } from './support/archive.ts';
import { type Build, build, outputOf, put, uploadSource } from './support/builds.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';

let platform: Platform;
let files: FileServer;

beforeAll(async () => {
  files = await FileServer.start();
  platform = await Platform.start({ TRUSTED_HOSTS: files.host });
});

afterAll(async () => {
  await platform?.destroy();
  files?.stop();
});

const server = (text: string) =>
  `require('node:http').createServer((_, res) => res.end('${text}')).listen(process.env.PORT);\n`;

const app = (text: string): Record<string, string> => ({
  'package.json': '{"name":"app","version":"1.0.0"}',
  'server.js': server(text),
});

const entry = (name: string, body = 'x'): TarEntry => ({ header: { name, size: body.length }, body });

/** An archive whose one header promises 2 GiB (POSIX "pax", ustar header: size at 124, checksum at 148). */
async function promising(): Promise<Buffer> {
  const archive = gunzipSync(await tgz([entry('big', '')]));
  archive.write('20000000000\0', 124, 'latin1');
  archive.write('        ', 148, 'latin1');
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return gzipSync(archive);
}

async function createApp(name: string): Promise<string> {
  await platform.api('POST', '/apps', { name });
  return name;
}

it('builds an archive that was uploaded', async () => {
  await createApp('uploaded');
  const archive = await tgz({ ...app('from an archive'), Procfile: 'web: node server.js\n' });
  const source_blob = {
    url: await uploadSource(platform, archive),
    version: 'v1.2.3-long-name',
    checksum: checksumOf(archive),
  };
  const built = await build(platform, 'uploaded', { source_blob });
  expect(built).toMatchObject({ status: 'succeeded', source_blob: { ...source_blob, version_description: null } });
  expect(built.output).toMatch(/-----> Node\.js app detected.*-----> Launching\.\.\.\n {7}Released v2\n/s);
  expect((await platform.app('uploaded')).text).toBe('from an archive');
  const [release] = await platform.newest('/apps/uploaded/releases', 'version');
  expect(release).toMatchObject({ id: built.release?.id, version: 2, description: 'Deploy v1.2.3-l' });
  expect(await platform.newest('/apps/uploaded/builds', 'created_at')).toMatchObject([{ id: built.id }]);
});

it('takes an archive as GNU tar makes it of a directory', async () => {
  await createApp('gnu-tar');
  const archive = await tgz([
    { header: { name: './', size: 0, type: 'directory', mode: 0o755 } },
    ...Object.entries(app('dots')).map(([name, text]) => entry(`./${name}`, text)),
  ]);
  const url = await uploadSource(platform, archive);
  expect(await build(platform, 'gnu-tar', { source_blob: { url } })).toMatchObject({ status: 'succeeded' });
  expect((await platform.app('gnu-tar')).text).toBe('dots');
});

it('builds an archive at a URL, out of the directory that code hosts put around it, past redirects', async () => {
  await createApp('fetched');
  const wrapped = Object.fromEntries(Object.entries(app('fetched')).map(([name, text]) => [`app-1a2b/${name}`, text]));
  files.put('/archive', await tgz({ ...wrapped, 'app-1a2b/node_modules/left/index.js': 'not wanted' }));
  files.put('/moved', { redirect: '/archive' });
  const built = await build(platform, 'fetched', { source_blob: { url: files.url('/moved'), version: null } });
  expect(built).toMatchObject({ status: 'succeeded' });
  expect(built.output).toContain('node_modules checked into source control');
  expect((await platform.app('fetched')).text).toBe('fetched');
});

it.each([
  ['a URL that is not there', () => files.url('/nothing?token=s3cret'), /answered 404 for \/nothing\./],
  ['a host inside', () => `https://127.0.0.1:${platform.port}/`, /127\.0\.0\.1 is not on the public internet/],
  [
    'a host inside, by its name',
    () => `https://localhost:${platform.port}/`,
    /localhost is not on the public internet/,
  ],
  ['a redirect inside', () => files.url('/inside'), /is not on the public internet/],
  ['a redirect to plain http', () => files.url('/plain'), /must have an https URL/],
  ['what is no archive', () => files.url('/text'), /could not be unpacked/],
])('says what is wrong with %s, and keeps the release', async (_, url, reason) => {
  await createApp('unfetched');
  files.put('/inside', { redirect: 'https://169.254.169.254/latest/meta-data' });
  files.put('/plain', { redirect: `http://127.0.0.1:${platform.port}/` });
  files.put('/text', Buffer.from('<html>Sign in</html>'));
  const { status, output } = await build(platform, 'unfetched', { source_blob: { url: url() } });
  expect(status).toBe('failed');
  expect(output).toMatch(reason);
  expect(output).not.toContain('s3cret');
  expect(await platform.newest('/apps/unfetched/releases', 'version')).toHaveLength(1);
});

it.each<[string, () => Promise<Buffer>, RegExp]>([
  ['climbs out', () => tgz([entry('../evil')]), /outside of its own tree: "\.\.\/evil"/],
  ['is absolute', () => tgz([entry('/tmp/evil')]), /outside of its own tree: "\/tmp\/evil"/],
  [
    'has a link to the host',
    () => tgz([{ header: { name: 'a', size: 0, type: 'symlink', linkname: '/etc/passwd' } }]),
    /could not be unpacked/,
  ],
  [
    'has a device',
    () => tgz([{ header: { name: 'null', size: 0, type: 'character-device' } }]),
    /has a character-device/,
  ],
  ['is cut short', async () => (await tgz(app('x'))).subarray(0, 60), /damaged gzip archive/],
  ['says to hold a file of 2 GB', promising, /is larger than 1024 MB/],
])('fails the build of an archive that %s', async (_, archive, reason) => {
  await createApp('hostile');
  const url = await uploadSource(platform, await archive());
  const { status, output } = await build(platform, 'hostile', { source_blob: { url } });
  expect(status).toBe('failed');
  expect(output).toMatch(reason);
});

it('fails a build whose archive has another checksum', async () => {
  await createApp('checked');
  const url = await uploadSource(platform, await tgz(app('x')));
  const checksum = checksumOf(Buffer.from('another'));
  const { status, output } = await build(platform, 'checked', { source_blob: { url, checksum } });
  expect(status).toBe('failed');
  expect(output).toContain('The source is not what its checksum says');
});

it.each([
  [{}, /source_blob/],
  [{ source_blob: { url: 'ftp://example.com/app.tgz' } }, /^source_blob\.url: must be an https URL/],
  [
    { source_blob: { url: 'https://example.com/app.tgz', checksum: 'MD5:00' } },
    /^source_blob\.checksum: must be SHA256/,
  ],
  [
    { source_blob: { url: 'https://example.com/a' }, buildpacks: [{ name: 'heroku/cobol' }] },
    /^buildpacks\.0: There is no/,
  ],
])('refuses %j before it is a build', async (order, message) => {
  await createApp('refusing');
  const answer = await platform.api<{ id: string; message: string }>('POST', '/apps/refusing/builds', order);
  expect(answer).toMatchObject({ status: 422, body: { id: 'invalid_params' } });
  expect(answer.body.message).toMatch(message);
  expect(await platform.newest('/apps/refusing/builds', 'created_at')).toEqual([]);
});

it('takes an upload once, whole, of a size said before, by its own URL alone', async () => {
  type Source = { source_blob: { get_url: string; put_url: string } };
  const { body: source } = await platform.api<Source>('POST', '/sources');
  const { get_url, put_url } = source.source_blob;
  const archive = await tgz(app('x'));
  expect((await put(platform, get_url, archive)).status).toBe(403);
  expect((await put(platform, put_url.replace(/signature=./, 'signature=x'), archive)).status).toBe(403);
  expect(await announce(put_url, { 'transfer-encoding': 'chunked' })).toBe(411);
  expect(await announce(put_url, { 'content-length': String(2 ** 30) })).toBe(413);
  await createApp('early');
  const early = await platform.api('POST', '/apps/early/builds', { source_blob: { url: get_url } });
  expect(early).toMatchObject({ status: 422, body: { message: expect.stringContaining('nothing was uploaded') } });
  expect((await put(platform, put_url, archive)).status).toBe(200);
  expect((await put(platform, put_url, archive)).status).toBe(409);
  const wrong = get_url.replace(/signature=./, 'signature=x');
  const spoilt = await platform.api('POST', '/apps/early/builds', { source_blob: { url: wrong } });
  expect(spoilt).toMatchObject({ status: 422, body: { message: expect.stringContaining('has expired') } });
});

/** The status that an upload is answered with before its body is sent. */
function announce(url: string, headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const { pathname, search } = new URL(url);
  const outgoing = httpRequest(
    {
      host: '127.0.0.1',
      port: platform.port,
      path: pathname + search,
      method: 'PUT',
      headers: { host: 'localhost', ...headers },
    },
    (response) => {
      resolve(response.statusCode ?? 0);
      outgoing.destroy();
    },
  );
  outgoing.on('error', reject);
  if (headers['transfer-encoding']) outgoing.end('x');
  else outgoing.flushHeaders();
  return promise;
}

/** An app whose build takes until it is ended. */
const endless = {
  ...app('never'),
  'package.json': '{"name":"app","version":"1.0.0","scripts":{"build":"node build.js"}}',
};
const waiting = { ...endless, 'build.js': "console.log('it runs');\nsetTimeout(() => {}, 600_000);\n" };

async function enqueue(name: string, contents: Record<string, string>): Promise<Build> {
  const url = await uploadSource(platform, await tgz(contents));
  return (await platform.api<Build>('POST', `/apps/${name}/builds`, { source_blob: { url } })).body;
}

/** Waits until a build says something. */
async function says(running: Build, text: string): Promise<void> {
  const response = await fetch(running.output_stream_url, { signal: AbortSignal.timeout(60_000) });
  let said = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    said += chunk;
    if (said.includes(text)) return;
  }
  throw new Error(`It never said "${text}":\n${said}`);
}

it('cancels a build that runs and one that waits; the next is built', async () => {
  await createApp('cancelled');
  const running = await enqueue('cancelled', waiting);
  const queued = await enqueue('cancelled', waiting);
  const last = await enqueue('cancelled', app('the last'));
  await says(running, 'it runs');
  for (const { id } of [queued, running]) {
    const answer = await platform.api<Build>('DELETE', `/apps/cancelled/builds/${id}`);
    expect(answer).toMatchObject({ status: 202, body: { id, status: 'failed', release: null } });
  }
  expect(await outputOf(platform, running)).toMatch(/it runs\n\n ! {5}The build was cancelled\.\n$/);
  expect(await outputOf(platform, queued)).toBe('\n !     The build was cancelled.\n');
  expect(await outputOf(platform, last)).toContain('Released v2');
  expect((await platform.app('cancelled')).text).toBe('the last');
  const again = await platform.api<{ message: string }>('DELETE', `/apps/cancelled/builds/${running.id}`);
  expect(again).toMatchObject({ status: 422 });
  expect(again.body.message).toMatch(/cannot be cancelled any more: It has failed\.$/);
});

it('builds what was accepted, even if the platform is killed before', async () => {
  await createApp('killed');
  const slow = {
    ...endless,
    'server.js': server('survived'),
    'build.js': "console.log('it runs');\nsetTimeout(() => {}, 3000);\n",
  };
  const running = await enqueue('killed', slow);
  await says(running, 'it runs');
  await platform.stop('SIGKILL');
  await platform.start({ TRUSTED_HOSTS: files.host });
  expect(await outputOf(platform, running)).toContain('Released v2');
  expect((await platform.app('killed')).text).toBe('survived');
});
