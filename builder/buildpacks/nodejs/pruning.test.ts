import { expect, test } from 'vitest';
import { startBuilder } from '../../testing.ts';

const app = (scripts: Record<string, string>) => ({
  'package.json': JSON.stringify({ scripts, dependencies: { ms: '2.1.3' }, devDependencies: { wrappy: '1.0.2' } }),
  'index.js': '',
});
const looks = 'ls node_modules';
const all = '       ms\n       wrappy\n';

test.for<{ config: Record<string, string>; log: string; cleanup: boolean }>([
  { config: {}, log: 'removed 1 package', cleanup: false },
  {
    config: { NPM_CONFIG_PRODUCTION: 'false' },
    log: "Skipping because NPM_CONFIG_PRODUCTION is 'false'",
    cleanup: true,
  },
  { config: { NODE_ENV: 'staging' }, log: "Skipping because NODE_ENV is not 'production'", cleanup: true },
])('with $config: $log', async ({ config, log, cleanup }) => {
  const { build } = await startBuilder();
  const { output, result } = await build(app({ build: looks, 'heroku-cleanup': looks }), config);
  expect(result.status, output).toBe('succeeded');
  const [built = '', cleaned = ''] = output.split('-----> Pruning devDependencies\n');
  expect(built).toContain(all);
  expect(cleaned).toContain(`       ${log}\n`);
  expect(cleaned.includes(all)).toBe(cleanup);
});

test('NPM_CONFIG_PRODUCTION=true: development dependencies are not there for the build', async () => {
  const { build } = await startBuilder();
  const { output } = await build(app({ build: looks }), { NPM_CONFIG_PRODUCTION: 'true' });
  expect(output).toContain('       ms\n');
  expect(output).not.toContain('       wrappy\n');
});
