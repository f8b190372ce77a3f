/**
 * How much memory an app takes: runners with none, with apps that have served a request, after these sleep, and with the
 * same under load. `APPS=100 npm run bench:density` for more than 20.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { runnersMemory } from './support/dynos.ts';
import { expressRepository } from './support/express.ts';
import { publish, type Result } from './support/results.ts';

const APPS = Number(process.env.APPS ?? 20);

const hello = {
  'package.json': '{"name":"hello","scripts":{"start":"node server.js"}}',
  'server.js': "require('node:http').createServer((_, res) => res.end('hello')).listen(process.env.PORT);\n",
};

async function measure(subject: string, repository: Repository): Promise<Result[]> {
  // Apps sleep a minute after their last request.
  const platform = await Platform.start({ IDLE_MINUTES: '1' });
  try {
    const names = Array.from({ length: APPS }, (_, i) => `app-${i}`);
    const ask = () => Promise.all(names.map((name) => platform.app(name, '/hello')));
    const empty = runnersMemory(platform);
    for (const name of names) {
      await platform.api('POST', '/apps', { name });
      const { code, stderr } = await repository.git('push', platform.remote(name), 'main');
      if (code !== 0) throw new Error(stderr);
    }
    await ask();
    const idle = runnersMemory(platform);
    await delay(90_000);
    const asleep = runnersMemory(platform);
    for (let round = 0; round < 50; round++) await ask();
    const active = runnersMemory(platform);
    const each = (value: number) => Math.round(((value - empty) / APPS) * 10) / 10;
    return [
      { task: 'runners without apps', subject, value: Math.round(empty), unit: 'MiB' },
      { task: `an app of ${APPS} that has served once`, subject, value: each(idle), unit: 'MiB' },
      { task: `an app of ${APPS} that sleeps`, subject, value: each(asleep), unit: 'MiB' },
      { task: `an app of ${APPS} after 50 requests`, subject, value: each(active), unit: 'MiB' },
      { task: 'apps that fit', subject, value: Math.floor(1024 / each(active)), unit: 'per GiB' },
    ];
  } finally {
    await platform.destroy();
  }
}

const results: Result[] = [];
for (const [subject, make] of [
  ['hello, no packages', () => Repository.create(hello)],
  ['Express', expressRepository],
] as const) {
  const repository = await make();
  results.push(...(await measure(subject, repository)));
  await repository.destroy();
}
publish('density', results);
