import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../testing.ts';
import { resolveStart } from './start-command.ts';

const files = {
  'server.js': '',
  'src/app.ts': '',
  'dist/index.js': '',
  'dist/src/main.js': '',
  'lib/package.json': '{"main":"./main"}',
  'lib/main.cjs': '',
  'package.json': '{"main":"server"}',
  'node_modules/serve/package.json': '{"name":"serve","version":"1.0.0","bin":{"serve":"./build/main.js"}}',
  'node_modules/serve/build/main.js': '',
  'node_modules/@scope/tool/package.json': '{"name":"@scope/tool","version":"1.0.0","bin":"cli.js"}',
  'node_modules/@scope/tool/cli.js': '',
};
const dependencies = { serve: '1', '@scope/tool': '1' };
const scripts = {
  start: 'npm run serve -- --fast',
  serve: 'NODE_ENV=test node server.js',
  loop: 'yarn loop',
  web: 'node lib',
};

let tree: string;
beforeEach(() => {
  tree = makeTree(files);
});

function makeTree(files: Record<string, string>): string {
  const directory = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

test.for([
  ['node server.js', 'server.js'],
  ['node server', 'server.js'],
  ['node ./server.js', 'server.js'],
  ['node .', 'server.js'],
  ['node dist', 'dist/index.js'],
  ['node dist/', 'dist/index.js'],
  ['node dist/index', 'dist/index.js'],
  ['node lib', 'lib/main.cjs'],
  ['node /app/server.js', 'server.js'],
  ['node --max-old-space-size=200 --env-file .env server.js', 'server.js'],
  ['node --env-file=.env --enable-source-maps server.js', 'server.js'],
  ['npm start', 'server.js'],
  ['npm run serve', 'server.js'],
  ['yarn web', 'lib/main.cjs'],
  ['yarn run web', 'lib/main.cjs'],
  ['pnpm start', 'server.js'],
  ['node --run web', 'lib/main.cjs'],
  ['tsx src/app.ts', 'src/app.ts'],
  ['npx tsx watch src/app', 'src/app.ts'],
  ['ts-node -P tsconfig.json src/app.ts', 'src/app.ts'],
  ['node --import tsx src/app.ts', 'src/app.ts'],
  ['exec node server.js', 'server.js'],
  ['cross-env A=1 node server.js', 'server.js'],
  ['nest start', 'dist/src/main.js'],
])('%s runs %s', ([command = '', file]) => {
  expect(resolveStart(command, tree, { scripts })).toMatchObject({ file, preloads: [] });
});

test('arguments, preloads and settings are kept', () => {
  expect(resolveStart('A=1 cross-env B=2 node -r dotenv/config --import ./i.mjs server.js a "b c"', tree, {})).toEqual({
    file: 'server.js',
    preloads: ['dotenv/config', './i.mjs'],
    args: ['a', 'b c'],
    environment: { A: '1', B: '2' },
  });
  expect(resolveStart('npm run serve', tree, { scripts }).environment).toEqual({ NODE_ENV: 'test' });
});

test.for([
  ['node -e "1"', 'it uses -e'],
  ['node', 'it names no file'],
  ['yarn loop', 'its scripts run each other in a circle'],
  ['npm run none', 'package.json has no script "none"'],
  ['npm run constructor', 'package.json has no script "constructor"'],
  ['bash run.sh', 'it runs "bash"'],
  ['next start', 'the server of Next.js has native code'],
  ['node a.js && node b.js', 'it needs a shell'],
])('%s: %s', ([command = '', why]) => {
  expect(() => resolveStart(command, tree, { scripts })).toThrow(why);
});

test('AdonisJS, whose own command is meant for the directory of its build', () => {
  const built = makeTree({ 'build/ace.js': '', 'build/bin/server.js': '', 'bin/server.ts': '' });
  expect(resolveStart('node bin/server.js', built, {}).file).toBe('build/bin/server.js');
  const own = makeTree({ 'build/ace.js': '', 'build/bin/server.js': '', 'bin/server.js': '' });
  expect(resolveStart('node bin/server.js', own, {}).file).toBe('bin/server.js');
});

test.for(['node ../server.js', 'node /etc/passwd', 'node src/missing.js'])(
  'no such file in the tree: %s',
  (command) => {
    expect(() => resolveStart(command, tree, {})).toThrow('there is no such file');
  },
);

test('a command that a dependency brings', () => {
  expect(resolveStart('PORT=1 npx serve --single dist', tree, { dependencies })).toEqual({
    file: 'node_modules/serve/build/main.js',
    preloads: [],
    args: ['--single', 'dist'],
    environment: { PORT: '1' },
  });
  expect(resolveStart('tool', tree, { dependencies }).file).toBe('node_modules/@scope/tool/cli.js');
  expect(() => resolveStart('serve', tree, {})).toThrow('it runs "serve"');
});
