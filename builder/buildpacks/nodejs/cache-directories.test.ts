import { expect, test } from 'vitest';
import { startBuilder } from '../../testing.ts';

/** Counts its builds in a file of the directory. */
const counting = (directory: string) =>
  `mkdir -p ${directory} && echo x >> ${directory}/builds && cp ${directory}/builds builds.txt`;

test.for([
  { directory: 'node_modules/.cache', named: undefined, log: '' },
  {
    directory: '.tool/cache',
    named: ['.tool/cache', 'none', 'node_modules'],
    log: 'Saving 3 cacheDirectories (package.json):\n',
  },
])('$directory is there again in the next build', async ({ directory, named, log }) => {
  const { build } = await startBuilder();
  const source = {
    'package.json': JSON.stringify({ cacheDirectories: named, scripts: { build: counting(directory) } }),
    'index.js': '',
  };
  const first = await build(source);
  expect(first.output).not.toContain('Restoring cache');
  expect(first.output).toContain(`-----> Caching build\n       ${log ? `${log}       ` : ''}- ${directory}\n`);
  const second = await build(source);
  expect(second.output).toContain('-----> Restoring cache\n');
  expect(second.slug?.entries.get('files/builds.txt')?.toString()).toBe('x\nx\n');
  if (named === undefined) return;
  expect(second.output).toContain(
    'Loading 3 from cacheDirectories (package.json):\n       - .tool/cache\n       - none (not cached - skipping)\n       - node_modules (shared by all builds)\n',
  );
  expect(second.output).toContain('       - none (nothing to cache)\n');
});

test('NODE_MODULES_CACHE=false: nothing is kept', async () => {
  const { build } = await startBuilder();
  const source = {
    'package.json': JSON.stringify({ scripts: { build: counting('node_modules/.cache') } }),
    'index.js': '',
  };
  await build(source);
  const { output, slug } = await build(source, { NODE_MODULES_CACHE: 'false' });
  expect(output).toContain('Caching has been disabled because NODE_MODULES_CACHE=false\n');
  expect(output).not.toContain('Caching build');
  expect(slug?.entries.get('files/builds.txt')?.toString()).toBe('x\n');
});

test.for(['../other', '/etc', '.', 'a/../..'])('"cacheDirectories" may not name %s', async (path) => {
  const { build } = await startBuilder();
  const { result } = await build({ 'package.json': JSON.stringify({ cacheDirectories: [path] }), 'index.js': '' });
  expect(result).toMatchObject({
    reason: `"cacheDirectories" of package.json has ${JSON.stringify(path)}, which is not in the app.`,
  });
});
