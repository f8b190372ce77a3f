import { expect, it } from 'vitest';
import { defaultCommand, resolveStart } from './start-command.ts';

const files = new Set(['main.ts', 'src/server.ts']);
const exists = (path: string) => files.has(path);
const tasks = {
  start: 'MODE=live deno run -A --unstable-kv src/server.ts --verbose',
  loop: 'deno task loop',
  lint: 'deno lint',
};
const plain = { preloads: [], args: [], environment: {}, serves: false };

it.each([
  ['deno run -A main.ts', { ...plain, file: 'main.ts' }],
  ['deno run --allow-net=:8000 --port 80 ./main.ts $PORT', { ...plain, file: 'main.ts', args: ['$PORT'] }],
  ['deno serve --port=$PORT main.ts', { ...plain, file: 'main.ts', serves: true }],
  ['deno -A --import-map maps/a.json main.ts', { ...plain, file: 'main.ts', importMap: 'maps/a.json' }],
  ['deno task start', { ...plain, file: 'src/server.ts', args: ['--verbose'], environment: { MODE: 'live' } }],
])('starts %s', (command, expected) => {
  expect(resolveStart(command, tasks, exists)).toEqual(expected);
});

it.each([
  ['deno run -A main.ts | tee log', 'it needs a shell'],
  ['node main.js', 'it runs "node"'],
  ['deno task none', 'deno.json has no task "none"'],
  ['deno task loop', 'its tasks run each other in a circle'],
  ['deno task lint', '`deno lint` starts no server'],
  ['deno run -A other.ts', 'there is no file other.ts'],
  ['deno run -A', 'it names no file'],
])('refuses %s', (command, why) => {
  expect(() => resolveStart(command, tasks, exists)).toThrow(`\`${command}\` cannot be started: ${why}.`);
});

it('finds what to start where nothing says so', () => {
  expect(defaultCommand(tasks, exists)).toBe('deno task start');
  expect(defaultCommand({}, exists)).toBe('deno run -A main.ts');
  expect(defaultCommand({}, () => false)).toBeUndefined();
});
