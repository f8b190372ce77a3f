/** Builds that run commands of the app: in the sandbox, with the result served. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
});

afterAll(() => platform?.destroy());

const server =
  "const { readFileSync } = require('node:fs');\n" +
  "require('node:http').createServer((_, res) => res.end(readFileSync('dist/page.txt'))).listen(process.env.PORT);\n";

/** An app that serves what its build script writes. */
const app = (build: string, script = 'node build.js') => ({
  'package.json': JSON.stringify({
    name: 'built',
    version: '1.0.0',
    scripts: { build: script, start: 'node server.js' },
  }),
  'server.js': server,
  'build.js': build,
});

async function push(name: string, files: Record<string, string>, config: Record<string, string> = {}) {
  const repository = await Repository.create(files);
  await platform.api('POST', '/apps', { name });
  if (Object.keys(config).length > 0) await platform.api('PATCH', `/apps/${name}/config-vars`, config);
  const result = await repository.git('push', platform.remote(name), 'main');
  await repository.destroy();
  return result;
}

it('runs the build script, with the config vars, and serves what it made', async () => {
  const build = `
    const fs = require('node:fs');
    fs.mkdirSync('dist', { recursive: true });
    fs.writeFileSync('dist/page.txt', 'made for ' + process.env.AUDIENCE);
    console.log('page written');
  `;
  const { code, stderr } = await push('built', app(build), { AUDIENCE: 'sailors' });
  expect(stderr).toContain('page written');
  expect(code).toBe(0);
  expect((await platform.app('built')).text).toBe('made for sailors');
});

it('runs a shell line of several commands', async () => {
  const { code } = await push(
    'shell',
    app('', 'mkdir -p dist && echo "one" > dist/page.txt && echo two >> dist/page.txt'),
  );
  expect(code).toBe(0);
  expect((await platform.app('shell')).text).toBe('one\ntwo\n');
});

it('runs scripts in TypeScript by tsx and ts-node', async () => {
  const { code, stderr } = await push('typed', {
    'package.json': JSON.stringify({
      name: 'typed',
      version: '1.0.0',
      scripts: { build: 'tsx build.ts && ts-node more.ts', start: 'node server.js' },
      devDependencies: { tsx: '4.20.6', 'ts-node': '10.9.2', typescript: '5.9.3' },
    }),
    'server.js': server,
    'kind.ts': 'export enum Kind { Ferry, Barge }\n',
    'build.ts': `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { Kind } from './kind';
      mkdirSync('dist', { recursive: true });
      writeFileSync('dist/page.txt', Kind[Kind.Barge] + '\\n');
    `,
    'more.ts': `
      import { appendFileSync } from 'fs';
      import { Kind } from './kind';
      appendFileSync(__dirname + '/dist/page.txt', Kind[Kind.Ferry] + '\\n');
    `,
  });
  expect(code, stderr).toBe(0);
  expect((await platform.app('typed')).text).toBe('Barge\nFerry\n');
});

it('fails the push when the script fails, with what it said', async () => {
  const { code, stderr } = await push('failing', app("console.error('no palette');\nprocess.exit(3);\n"));
  expect(code).not.toBe(0);
  expect(stderr).toContain('no palette');
  expect(stderr).toMatch(/remote: {2}! {5}.*build.*3/i);
});

it('shows a build script nothing of the host', async () => {
  const build = `
    const fs = require('node:fs');
    const seen = [];
    for (const path of ['/etc/passwd', '/proc/self/environ', '${import.meta.filename}', '../../../../../etc/hostname']) {
      try { seen.push(fs.readFileSync(path, 'utf8').slice(0, 20)); } catch {}
    }
    const secrets = Object.keys(process.env).filter((name) => /SECRET|API_KEY|BUILDER|CACHE_DIR/.test(name));
    fs.mkdirSync('dist');
    fs.writeFileSync('dist/page.txt', JSON.stringify({ seen, secrets }));
  `;
  expect((await push('curious', app(build))).code).toBe(0);
  expect(JSON.parse((await platform.app('curious')).text)).toEqual({ seen: [], secrets: [] });
});
