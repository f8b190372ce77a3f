import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runSlug, startBuilder } from '../testing.ts';

const app = {
  'package.json': JSON.stringify({
    name: 'app',
    workspaces: ['packages/*'],
    dependencies: { debug: '^4.3.0', ms: '2.0.0', a: '1.0.0' },
    devDependencies: { wrappy: '1.0.2' },
  }),
  'packages/a/package.json': '{"name":"a","version":"1.0.0","dependencies":{"ms":"^2.1.0"}}',
  'packages/a/index.js': 'exports.version = require("ms/package.json").version;',
  'index.js':
    'globalThis.versions = [require("a").version, require("ms/package.json").version, typeof require("debug")];',
};

test.for([
  [undefined, undefined],
  ['pnpm-lock.yaml', 'pnpm-lock.yaml'],
  ['bun.lock', 'bun.lock'],
  ['yarn.lock', 'yarn-1.lock'],
  ['yarn.lock', 'yarn-4.lock'],
])('workspaces, locked by %s (%s)', async ([lockfile, fixture]) => {
  const { build } = await startBuilder();
  const source: Record<string, string> = { ...app };
  if (lockfile !== undefined && fixture !== undefined) {
    source[lockfile] = readFileSync(join(import.meta.dirname, 'lockfiles/fixtures', fixture), 'utf8');
  }
  const { slug, output } = await build(source);
  if (slug === undefined) throw new Error(output);
  expect(output).toContain(`Installing node modules (${lockfile ?? 'package.json'})`);
  await runSlug(slug);
  expect(globalThis).toMatchObject({ versions: ['2.1.3', '2.0.0', 'function'] });
});

test('two lockfiles', async () => {
  const { build } = await startBuilder();
  const { result } = await build({ ...app, 'yarn.lock': '', 'package-lock.json': '{}' });
  expect(result).toMatchObject({ reason: 'Two different lockfiles found: package-lock.json and yarn.lock.' });
});
