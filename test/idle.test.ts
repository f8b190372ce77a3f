/** A web process that nobody asks for sleeps, and wakes at the next request. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { open } from './support/request.ts';
import { Runners } from './support/runners.ts';
import { textSlug } from './support/slug.ts';

let runners: Runners;

beforeAll(async () => {
  runners = await Runners.start(1, { idleMs: 4_000 });
});

afterAll(() => runners?.stop());

it('sleeps after its last request, not before, and starts afresh', async () => {
  const slug = await textSlug(`let n = 0;
    process.on('SIGTERM', () => { console.log('good night'); process.exit(0); });
    require('http').createServer((req, res) => res.end(String(++n))).listen(process.env.PORT);`);
  await runners.announce(runners.route('sleepy', slug));
  for (let turn = 1; turn <= 6; turn++) {
    expect((await runners.get('sleepy')).text).toBe(String(turn));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await expect
    .poll(() => runners.log('sleepy'), { timeout: 20_000 })
    .toMatch(/web\.1: Idling\nweb\.1: State changed from up to down\n[\s\S]*web\.1: good night/);
  expect((await runners.get('sleepy')).text).toBe('1');
});

it('stays awake while a client reads', async () => {
  const slug = await textSlug(`require('http').createServer((req, res) => {
      res.write('begun');
      setInterval(() => res.write('.'), 500);
    }).listen(process.env.PORT);`);
  await runners.announce(runners.route('streaming', slug));
  const response = await open(runners.port(), 'streaming.localhost', '/');
  response.resume();
  // Twice as long as it would take to sleep.
  await new Promise((resolve) => setTimeout(resolve, 9_000));
  expect(runners.log('streaming')).not.toContain('Idling');
  response.destroy();
  await expect.poll(() => runners.log('streaming'), { timeout: 30_000 }).toContain('Idling');
});

it('gives its memory to those that wake', async () => {
  // Each is a process of its own of little more than V8's and workerd's share.
  const before = await runners.memory(0);
  const grown: number[] = [];
  for (const round of ['a', 'b', 'c']) {
    const names = Array.from({ length: 20 }, (_, i) => `small-${round}-${i}`);
    for (const name of names) {
      const slug = await textSlug(
        `require('http').createServer((req, res) => res.end('${name}')).listen(process.env.PORT);`,
      );
      await runners.announce(runners.route(name, slug));
    }
    await expect
      .poll(() => names.every((name) => runners.log(name).includes('exited')), { timeout: 60_000 })
      .toBe(true);
    // The object of a process ends some seconds after it.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    grown.push((await runners.memory(0)) - before);
    expect((await runners.get(names[0] ?? '')).text).toBe(names[0]);
  }
  // V8 keeps for others what twenty had, some 90 MB; sixty would have had 270.
  expect(Math.max(...grown)).toBeLessThan(160e6);
});

it('gives back what it held outside of V8, too', async () => {
  const slug = await textSlug(`const held = Buffer.alloc(40_000_000, 1);
    require('http').createServer((req, res) => res.end(String(held.length))).listen(process.env.PORT);`);
  const before = await runners.memory(0);
  const names = Array.from({ length: 8 }, (_, i) => `heavy-${i}`);
  for (const name of names) await runners.announce(runners.route(name, slug));
  const during = await runners.memory(0);
  expect(during - before).toBeGreaterThan(200e6);
  await expect.poll(() => names.every((name) => runners.log(name).includes('Idling')), { timeout: 30_000 }).toBe(true);
  await expect
    .poll(async () => (await runners.memory(0)) - before, { timeout: 60_000, interval: 200 })
    .toBeLessThan((during - before) / 2);
});
