/** Deno apps by push. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { tgz } from './support/archive.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import { open } from './support/request.ts';

let platform: Platform;
let files: FileServer;
const repositories: Repository[] = [];

beforeAll(async () => {
  files = await FileServer.start();
  // JSR has a registry for npm, of which this is one.
  platform = await Platform.start({ TRUSTED_HOSTS: files.host, 'npm_config_@jsr:registry': files.url('/jsr/') });
});
afterAll(async () => {
  for (const repository of repositories) await repository.destroy();
  await platform?.destroy();
  files?.stop();
});

async function push(name: string, source: string | Record<string, string>) {
  const repository = await Repository.create(source);
  repositories.push(repository);
  await platform.api('POST', '/apps', { name });
  return repository.git('push', platform.remote(name), 'main');
}

it('serves an app with a task, an import map, JSX, files and packages by deno.lock', async () => {
  const { code, stderr } = await push('site', 'deno/site');
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('Installing node modules (deno.lock)');
  const get = async (path: string) => (await platform.app('site', path)).text;
  expect(await get('/?name=ada')).toBe('<h1>hello ADA</h1>');
  expect(JSON.parse(await get('/about'))).toEqual({
    args: ['--loud'],
    data: { n: 1 },
    main: true,
    url: 'file:///tmp/app/src/main.tsx',
    mainModule: 'file:///tmp/app/src/main.tsx',
    cwd: '/tmp/app',
    dirname: '/tmp/app/src',
    text: 'some text\n',
    size: 10,
    files: ['a file.txt true'],
    missing: true,
    written: 'one\ntwo\n',
    os: 'linux',
    port: false,
  });
  expect(await get('/kv')).toMatch(/^NotSupported: Deno\.openKv is not there on Islet\./);
  expect(await get('/address')).toBe('tcp 127.0.0.1');
  const size = (body: Buffer) => platform.app('site', '/count', { method: 'POST', body });
  expect((await size(Buffer.alloc(3_000_000))).text).toBe('3000000');

  const stream = await open(platform.port, 'site.localhost', '/stream');
  const parts: string[] = [];
  for await (const part of stream) parts.push(String(part));
  expect(parts.join('')).toBe('part 0\npart 1\npart 2\n');
  expect(parts.length).toBeGreaterThan(1);

  const socket = new WebSocket(`ws://127.0.0.1:${platform.port}/socket`, {
    headers: { host: `site.localhost:${platform.port}` },
  });
  await once(socket, 'open');
  socket.send('hello');
  expect(String((await once(socket, 'message'))[0])).toBe('echo hello');
  socket.close(4001, 'done');
  const log = () => expect.poll(() => platform.log('site'), { timeout: 20_000 });
  await log().toMatch(/socket open true[\s\S]*socket closed 4001 done/);

  expect(await platform.app('site', '/raw-fail')).toMatchObject({ status: 500, text: 'Internal Server Error' });
  await log().toContain('/tmp/app/src/main.tsx:67:39');

  await platform.api('DELETE', '/apps/site/dynos');
  await log().toContain('going down');
  expect(await get('/')).toBe('<h1>hello NOBODY</h1>');
  await platform.app('site', '/exit');
  await log().toContain('Process exited with status 3');
});

it('serves what a module exports, without a lock, with modules by URL and from JSR', async () => {
  const archive = await tgz({
    'package/package.json': JSON.stringify({
      name: '@jsr/acme__greet',
      version: '1.2.0',
      type: 'module',
      exports: { '.': './mod.js', './loud': './loud.js' },
    }),
    'package/mod.js': 'export const greet = (name) => "hello " + name;\n',
    'package/loud.js': "import { greet } from './mod.js';\nexport const loud = (name) => greet(name).toUpperCase();\n",
  });
  files.put('/jsr/greet.tgz', archive);
  const dist = {
    tarball: files.url('/jsr/greet.tgz'),
    integrity: `sha512-${createHash('sha512').update(archive).digest('base64')}`,
  };
  const packument = {
    name: '@jsr/acme__greet',
    'dist-tags': { latest: '1.2.0' },
    versions: { '1.2.0': { name: '@jsr/acme__greet', version: '1.2.0', dist } },
  };
  files.put('/jsr/@jsr%2facme__greet', Buffer.from(JSON.stringify(packument)));
  files.put(
    '/lib/sum.ts',
    Buffer.from("export { add } from './add.ts';\nexport const where: string = import.meta.url;\n"),
  );
  files.put('/lib/add.ts', Buffer.from('export const add = (a: number, b: number): number => a + b;\n'));
  const url = files.url('/lib/sum.ts');
  const app = {
    'deno.jsonc': '{ "imports": { "@acme/greet": "jsr:@acme/greet@^1" } }',
    Procfile: 'web: deno serve --port $PORT main.ts\nclock: deno run clock.ts\n',
    'clock.ts': "console.log('tick', Deno.env.get('DYNO'));\nsetInterval(() => {}, 1000);\n",
    'main.ts': `
      import { greet } from '@acme/greet';
      import { loud } from '@acme/greet/loud';
      import { add, where } from '${url}';
      import chalk from 'npm:chalk@5';
      export default {
        async fetch(request: Request): Promise<Response> {
          const { add: again } = await import('${files.url('/lib/add.ts')}');
          return Response.json([greet('Ada'), loud('Ada'), add(1, 2), again === add, where, chalk.reset('x')]);
        },
      } satisfies Deno.ServeDefaultExport;
    `,
  };
  const { code, stderr } = await push('serve', app);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`Download ${url}`);
  expect(JSON.parse((await platform.app('serve')).text)).toEqual(['hello Ada', 'HELLO ADA', 3, true, url, 'x']);
  await platform.api('PATCH', '/apps/serve/formation/clock', { quantity: 1 });
  await expect.poll(() => platform.log('serve'), { timeout: 20_000 }).toContain('app[clock.1]: tick clock.1');

  const lock = { version: '5', remote: { [url]: 'a'.repeat(64) } };
  const changed = await push('changed', { ...app, 'deno.lock': JSON.stringify(lock) });
  expect(changed.code).not.toBe(0);
  expect(changed.stderr).toMatch(/The module http:\S+\/lib\/sum\.ts is not the one that deno\.lock pins\./);
});

it.each<[string, Record<string, string>, RegExp]>([
  [
    'an import that nothing maps',
    { 'main.ts': "import 'left-pad';\n" },
    /main\.ts:1:\d+[\s\S]*left-pad" not a dependency and not in import map[\s\S]*deno add npm:left-pad/,
  ],
  [
    'a package that deno.lock does not have',
    { 'main.ts': "import 'npm:left-pad@1';\n", 'deno.lock': '{"version":"5"}' },
    /deno\.lock does not have npm:left-pad@1\./,
  ],
  ['a module that does not parse', { 'main.ts': 'const a = ;\n' }, /main\.ts:1:10/],
  [
    'a module on this machine',
    { 'main.ts': "import 'http://127.0.0.1:1/a.ts';\n" },
    /The module http:\/\/127\.0\.0\.1:1\/a\.ts must have an https URL\./,
  ],
  [
    'a file outside of the app',
    { 'main.ts': "import '../../../../etc/passwd';\n" },
    /outside of the app|Could not resolve/,
  ],
  [
    'a command of another program',
    { Procfile: 'web: deno test main.ts\n', 'main.ts': '' },
    /`deno test` starts no server/,
  ],
  [
    'a configuration that is none',
    { 'deno.json': '{ "imports": [', 'main.ts': '' },
    /deno\.json cannot be read: \w+ in line 1\./,
  ],
])('ends a push with what is wrong: %s', async (_, source, message) => {
  const name = `bad-${createHash('sha256').update(String(message)).digest('hex').slice(0, 8)}`;
  const { code, stderr } = await push(name, { 'deno.json': '{}', ...source });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(message);
});
