/**
 * `npm run bench:neighbour`: how long a quiet app takes to answer while another app of the same runner, which has one
 * thread for both, computes, allocates, floods its log, opens sockets, or has as many requests waiting as the router
 * lets it.
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { open } from '../test/support/request.ts';
import { publish, type Result } from './support/results.ts';

/** To the quiet app. */
const REQUESTS = 500;

/** One is sent so often, whether or not those before are answered: whoever waits holds nobody up. Milliseconds. */
const EVERY = 10;

/** Until what the neighbour does is well under way. Milliseconds. */
const WARM_UP = 1_000;

/** What a neighbour does from its first request on, as statements. workerd counts an interval from the end of a turn. */
const NEIGHBOURS = {
  'computes 40 ms of every 100': 'setInterval(() => { const end = Date.now() + 40; while (Date.now() < end); }, 60);',
  'computes 400 ms of every second':
    'setInterval(() => { const end = Date.now() + 400; while (Date.now() < end); }, 600);',
  'allocates 8 MB every 10 ms': 'setInterval(() => { globalThis.held = Buffer.alloc(8e6, 1); }, 10);',
  'makes 10,000 objects every 10 ms':
    'setInterval(() => { globalThis.held = Array.from({ length: 10_000 }, (_, i) => ({ i, text: String(i) })); }, 10);',
  'writes 500 log lines every 20 ms':
    "setInterval(() => { for (let i = 0; i < 500; i++) console.log('x'.repeat(200)); }, 20);",
  // Of the range for documentation (RFC 5737): nobody answers there.
  'opens 20 sockets every 20 ms':
    "setInterval(() => { for (let i = 0; i < 20; i++) require('net').connect(80, '198.51.100.1').on('error', () => {}); }, 20);",
  'has 900 requests waiting': '',
};

/** Answers how many requests wait. */
const server = (onFirst: string) => `let begun = false;
let waiting = 0;
require('node:http').createServer((req, res) => {
  if (req.url === '/wait') return void waiting++;
  if (!begun) { begun = true; ${onFirst} }
  res.end(String(waiting));
}).listen(process.env.PORT);
`;

const platform = await Platform.start({ RUNNERS: '1' });
const repository = await Repository.create({ 'package.json': '{"name":"app","scripts":{"start":"node server.js"}}' });

async function deploy(name: string, onFirst = ''): Promise<void> {
  await repository.write({ 'server.js': server(onFirst) });
  await repository.commit(name);
  await platform.api('POST', '/apps', { name });
  const { code, stderr } = await repository.git('push', '--force', platform.remote(name), 'main');
  if (code !== 0) throw new Error(stderr);
  await answer(name);
}

/** How long an app takes to answer. Milliseconds. */
async function answer(name: string): Promise<number> {
  const began = performance.now();
  const { status, text } = await platform.app(name);
  if (status !== 200) throw new Error(`${name} answered ${status}: ${text}`);
  return performance.now() - began;
}

/** So many requests to an app that wait there for what never comes. */
async function haveWaiting(name: string, count: number): Promise<Promise<IncomingMessage>[]> {
  const requests = Array.from({ length: count }, () => open(platform.port, `${name}.localhost`, '/wait'));
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(50)) {
    if ((await platform.app(name)).text === String(count)) return requests;
  }
  throw new Error(`Not all of ${count} requests reached ${name}.`);
}

/** The 50th and 99th percentile of the quiet app's times. */
async function measure(task: string): Promise<Result[]> {
  const times = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, i) => {
      await delay(i * EVERY);
      return answer('quiet');
    }),
  );
  times.sort((a, b) => a - b);
  return [50, 99].map((percent) => {
    const time = times[Math.floor((times.length * percent) / 100)] ?? Number.NaN;
    return { task, subject: `p${percent}`, value: Math.round(time * 10) / 10, unit: 'ms' };
  });
}

try {
  await deploy('quiet');
  const results = await measure('alone');
  for (const [i, [what, onFirst]] of Object.entries(NEIGHBOURS).entries()) {
    const name = `loud-${i}`;
    await deploy(name, onFirst);
    const ended = Promise.allSettled(onFirst ? [] : await haveWaiting(name, 900));
    await delay(WARM_UP);
    results.push(...(await measure(`a neighbour ${what}`)));
    await platform.api('DELETE', `/apps/${name}`);
    await ended;
  }
  publish('neighbour', results);
} finally {
  await platform.destroy();
  await repository.destroy();
}
