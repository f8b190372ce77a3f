import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from './index.ts';
import { files, runLine } from './testing.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox();
  await sandbox.writeEntries([
    ...files({
      'package.json': '{}',
      // Its own code needs what a machine does not have: it is known by its place.
      'node_modules/tsx/dist/cli.mjs': 'throw new Error("not to be run");\n',
      'tsconfig.json': '{ // comments\n "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["src/*"], }, }, }',
      'src/color.ts':
        'export enum Color { Red, Green }\nexport namespace Names { export const all = Object.keys(Color).length; }\n',
      'src/deep/index.ts': "export { Color } from '../color.js';\n",
      'build.ts': `
        import { basename } from 'node:path';
        import { Color, Names } from '@/color';
        import { Color as Same } from './src/deep';
        class Point { constructor(readonly x: number, private y = 2) {} sum() { return this.x + this.y; } }
        console.log(Color[Color.Green], Same === Color, Names.all, new Point(1).sum(), basename(__dirname), process.argv.slice(2));
      `,
      'old.cts': "import color = require('./src/color');\nconsole.log(color.Color.Green, __filename);\n",
      'module.mts': "console.log(require('./data.json').n, import.meta.filename);\n",
      'data.json': '{"n":7}',
    }),
    { type: 'symlink', path: '/app/node_modules/.bin/tsx', target: '../tsx/dist/cli.mjs' },
    ...files({ 'node_modules/ts-node/dist/bin-transpile.js': 'throw new Error("not to be run");\n' }),
    { type: 'symlink', path: '/app/node_modules/.bin/ts-node', target: '../ts-node/dist/bin-transpile.js' },
  ]);
});
afterAll(() => sandbox.close());

test.each([
  ['node_modules/.bin/tsx build.ts one --two', "Green true 4 3 app [ 'one', '--two' ]\n"],
  ['npx ts-node -P tsconfig.json build.ts', 'Green true 4 3 app []\n'],
  ['npx tsx build', 'Green true 4 3 app []\n'],
  ['node --import tsx build.ts', 'Green true 4 3 app []\n'],
  ['tsx --tsconfig tsconfig.json old.cts', '1 /app/old.cts\n'],
  ['tsx module.mts', '7 /app/module.mts\n'],
  ['tsx -e "console.log(1 + 1)"', '2\n'],
])('%s', async (line, expected) => {
  const { stdout, stderr } = await runLine(sandbox, line);
  expect({ stdout, stderr }).toEqual({ stdout: expected, stderr: '' });
});

test('node alone takes types away, and no more', async () => {
  const { stderr, exit } = await runLine(sandbox, 'node src/color.ts');
  expect(exit.exitCode).toBe(1);
  expect(stderr).toContain('TypeScript enum is not supported in strip-only mode');
});

test('tsx says where TypeScript is wrong', async () => {
  await sandbox.writeEntries(files({ 'wrong.ts': 'const a: = 1;\n' }));
  const { stderr, exit } = await runLine(sandbox, 'tsx wrong.ts');
  expect(exit.exitCode).toBe(1);
  expect(stderr).toMatch(/\/app\/wrong\.ts/);
});
