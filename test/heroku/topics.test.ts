/** The table of docs/heroku-cli.md is whole, and what it says is refused is refused in its words. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';

let platform: Platform;
let heroku: Heroku;
let table: Map<string, { state: string; remark: string }>;

beforeAll(async () => {
  platform = await Platform.start({ RUNNERS: '1' });
  heroku = await Heroku.for(platform);
  await platform.api('POST', '/apps', { name: 'wanting' });
  const text = await readFile(new URL('../../docs/heroku-cli.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  table = new Map(
    rows.flatMap((row) => {
      const [, names = '', state = '', remark = ''] = row.split('|').map((cell) => cell.trim());
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => [name, { state, remark }] as const);
    }),
  );
});
afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
});

it('has every topic and every command of heroku help', async () => {
  const { stdout } = await heroku.run(['help']);
  const names = [...stdout.matchAll(/^ {2}([\w-]+) {2,}\S/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(80);
  expect([...new Set(names)].filter((name) => !table.has(name))).toEqual([]);
  for (const { state } of table.values()) expect(['works', 'refused', 'open']).toContain(state);
});

/** A message as it is in a line: the command breaks it, and a page writes commands without their quotes. */
const words = (text: string): string => text.replace(/\s+(›\s+)?/g, ' ').replaceAll('`', '');

it.each([
  [['addons:create', 'heroku-redis', '--app', 'wanting']],
  [['apps:lock', '--app', 'wanting'], 'lock'],
  [['apps:create', 'others', '--team', 'us'], 'members'],
  [['apps:create', 'boxed', '--stack', 'container'], 'container'],
  [['apps:stacks:set', 'heroku-24', '--app', 'wanting']],
  [['certs:auto:enable', '--app', 'wanting']],
  [['clients:create', 'mine', 'https://example.com/']],
  [['pg:psql', '--app', 'wanting']],
  [['ps:exec', '--app', 'wanting']],
  [['spaces:create', 'x', '--team', 'us']],
  [['telemetry:add', 'https://example.com/', '--app', 'wanting']],
])('refuses %j in the words of the table', async (args: string[], topic = args[0]?.split(':')[0]) => {
  const { code, stderr } = await heroku.run(args);
  expect(code).not.toBe(0);
  const [, message = ''] = /Error: (.*?)(?: Error ID:|$)/.exec(words(stderr)) ?? [];
  const remark = words(table.get(topic ?? '')?.remark ?? '');
  expect(message).not.toBe('');
  const [sentence = ''] = message.split(/(?<=\.) |, which/);
  expect({ remark, has: remark.includes(sentence.replace(/\.$/, '')) }).toEqual({ remark, has: true });
});

it('lists nothing where there is nothing', async () => {
  expect((await heroku.run(['addons', '--app', 'wanting'])).stdout).toBe('No add-ons for app wanting.\n');
  expect((await heroku.run(['clients'])).stdout).toBe('No OAuth clients.\n');
  expect((await heroku.run(['sessions'])).stdout).toBe('No OAuth sessions.\n');
  expect((await heroku.run(['keys'])).stderr).toContain('You have no SSH keys.');
  expect((await heroku.run(['telemetry', '--app', 'wanting'])).stdout).toBe(
    'There are no telemetry drains in wanting\n',
  );
  for (const args of [['teams'], ['usage:addons', '--app', 'wanting'], ['certs', '--app', 'wanting']]) {
    expect(await heroku.run(args)).toMatchObject({ code: 0 });
  }
});
