import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
const repositories: Repository[] = [];

beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(async () => {
  for (const repository of repositories) await repository.destroy();
  await platform?.destroy();
});

async function push(name: string, files: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const repository = await Repository.create(files);
  repositories.push(repository);
  await platform.api('POST', '/apps', { name });
  return repository.git('push', platform.remote(name), 'main');
}

it('runs a Worker in TypeScript, with variables, static files and work after the response', async () => {
  const { stderr } = await push('ferry', {
    'wrangler.toml': `
      name = "ferry"
      main = "src/index.ts"
      [vars]
      GREETING = "hello"
      RETRIES = 3
      [assets]
      directory = "./public"
      binding = "ASSETS"
      [[kv_namespaces]]
      binding = "CACHE"
      id = "x"
    `,
    'src/index.ts': `
      import { env as globalEnv } from 'cloudflare:workers';
      import { greet } from './greet';
      import text from './note.txt';
      interface Env { GREETING: string; NAME: string; RETRIES: number; ASSETS: { fetch(request: Request): Promise<Response> } }
      export default {
        async fetch(request: Request, env: Env, ctx: { waitUntil(work: Promise<unknown>): void }): Promise<Response> {
          const { pathname } = new URL(request.url);
          if (pathname === '/from-binding') return env.ASSETS.fetch(new Request('http://x/page'));
          if (pathname === '/fail') throw new Error('on purpose');
          ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 50)).then(() => console.log('after the response')));
          const body = request.method === 'POST' ? await request.json() : null;
          return Response.json({ greeting: greet(env.GREETING, globalEnv.NAME), retries: env.RETRIES, text, body });
        },
      };
    `,
    'src/greet.ts': 'export const greet = (greeting: string, name: string): string => greeting.concat(", ", name);\n',
    'src/note.txt': 'a note',
    'public/style.css': 'body {}',
    'public/page.html': '<p>page</p>',
  });
  expect(stderr).toContain('wrangler.toml: kv_namespaces has no effect: Islet has no KV namespaces.');
  await platform.api('PATCH', '/apps/ferry/config-vars', { NAME: 'Ada' });
  const answer = await platform.app('ferry', '/any', { method: 'POST', body: '{"n":1}' });
  expect(JSON.parse(answer.text)).toEqual({ greeting: 'hello, Ada', retries: 3, text: 'a note', body: { n: 1 } });
  expect((await platform.app('ferry', '/style.css')).headers['content-type']).toContain('text/css');
  // By `/from-binding`, as `/page` itself never reaches the Worker.
  expect((await platform.app('ferry', '/from-binding')).text).toBe('<p>page</p>');
  expect((await platform.app('ferry', '/fail')).status).toBe(500);
  await expect.poll(() => platform.log('ferry'), { timeout: 20_000 }).toContain('after the response');
  expect(await platform.log('ferry')).toContain('Error: on purpose');
});

it('runs a Worker with packages and WebAssembly, and a class for a handler', async () => {
  // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
  const add = 'AGFzbQEAAAABBwFgAn9/AX8DAgEABwcBA2FkZAAACgkBBwAgACABags=';
  const { stderr, code } = await push('adder', {
    'wrangler.jsonc': '{ // comments are allowed\n "main": "worker.js", }',
    'package.json': JSON.stringify({ dependencies: { ms: '2.1.3' }, scripts: { build: 'node build.js' } }),
    'build.js': `require('node:fs').writeFileSync('add.wasm', Buffer.from('${add}', 'base64'));`,
    'worker.js': `
      import { WorkerEntrypoint } from 'cloudflare:workers';
      import ms from 'ms';
      import module from './add.wasm';
      const { exports } = new WebAssembly.Instance(module);
      export default class extends WorkerEntrypoint {
        fetch() { return new Response(ms(exports.add(30000, 30000))); }
      }
    `,
  });
  expect(stderr).toContain('Build succeeded!');
  expect(code).toBe(0);
  expect((await platform.app('adder')).text).toBe('1m');
});

it.each([
  ['a syntax error', { 'worker.js': 'export default {\n' }, 'worker.js:2: '],
  ['a file outside of the app', { 'worker.js': "import '../../../../etc/passwd.js';" }, 'Could not resolve'],
  ['no handler', { 'worker.js': 'export const a = 1;' }, undefined],
  ['not there', {}, 'wrangler.toml names worker.js, which is not there.'],
])('says what is wrong with a Worker: %s', async (what, files, message) => {
  const name = what.replaceAll(' ', '-').slice(0, 20);
  const { code, stderr } = await push(name, { 'wrangler.toml': 'main = "worker.js"', ...files });
  if (message) {
    expect(stderr).toContain(message);
    expect(code).not.toBe(0);
  } else {
    expect((await platform.app(name)).status).toBe(503);
    await expect.poll(() => platform.log(name), { timeout: 20_000 }).toContain('The Worker has no handler');
  }
});

it('calls `scheduled` by its cron triggers, in a process of its own', async () => {
  const worker = `
    export default {
      async scheduled(controller, env, ctx) {
        ctx.waitUntil(Promise.resolve().then(() => console.log('afterwards')));
        console.log('called by', controller.cron, new Date(controller.scheduledTime).toISOString(), env.NAME, env.DYNO);
        throw new Error('of the trigger');
      },
    };`;
  const wrangler = (cron: string) =>
    `main = "worker.js"\n[vars]\nNAME = "Ada"\n[triggers]\ncrons = ["${cron}", "0 0 1 1 *"]\n`;
  const refused = await push('crons-bad', { 'wrangler.toml': wrangler('each minute'), 'worker.js': worker });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('wrangler.toml: triggers.crons has "each minute", which is no cron expression.');

  const { code, stderr } = await push('crons', { 'wrangler.toml': wrangler('* * * * *'), 'worker.js': worker });
  expect(code, stderr).toBe(0);
  expect((await platform.app('crons')).status).toBe(500);
  const { body } = await platform.api<{ type: string; quantity: number }[]>('GET', '/apps/crons/formation');
  expect(body.map(({ type, quantity }) => `${type}=${quantity}`)).toEqual(['cron=1', 'web=1']);
  await expect
    .poll(() => platform.log('crons'), { timeout: 90_000, interval: 1000 })
    .toMatch(/app\[cron\.1\]: called by \* \* \* \* \* \S+:00\.000Z Ada cron\.1\n/);
  await expect
    .poll(() => platform.log('crons'), { timeout: 20_000 })
    .toMatch(/app\[cron\.1\]: afterwards[\s\S]*app\[cron\.1\]: Error: of the trigger/);
  expect(await platform.log('crons')).not.toContain('called by 0 0 1 1 *');
}, 180_000);
