/**
 * How much memory an app takes, by runtime: the runner's first app of its kind, which brings the engine; each further one;
 * one that sleeps; and one that has served a little. All apps of a kind run one slug, on one runner.
 *
 *     npm run bench:density                  20 apps of each kind
 *     APPS=100 KINDS=Node.js,Worker npm run bench:density
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { type App, runtimeApps } from './support/apps.ts';
import { runnersMemory } from './support/dynos.ts';
import { publish, type Result } from './support/results.ts';

const APPS = Number(process.env.APPS ?? 20);
const KINDS = process.env.KINDS?.split(',');

/** Requests to each app, after its first. */
const ROUNDS = 50;

const { apps, settings, stop } = await runtimeApps();

async function measure(subject: string, { source }: App): Promise<Result[]> {
  // An app sleeps a minute after its last request. The limit is above what twenty interpreters take.
  const platform = await Platform.start({ ...settings, RUNNERS: '1', IDLE_MINUTES: '1', RUNNER_MEMORY: '12288' });
  const repository = await Repository.create(source);
  try {
    const names = Array.from({ length: APPS }, (_, i) => `app-${i}`);
    const ask = async (which: string[]) => {
      for (const name of which) {
        const { status } = await platform.app(name);
        if (status !== 200) throw new Error(`${subject}: ${name} answered ${status}.`);
      }
    };
    const empty = runnersMemory(platform);
    await platform.api('POST', '/apps', { name: 'app-0' });
    const { code, stderr } = await repository.git('push', platform.remote('app-0'), 'main');
    if (code !== 0) throw new Error(stderr);
    await ask(['app-0']);
    const first = runnersMemory(platform);
    const [release] = await platform.newest<{ slug: { id: string } }>('/apps/app-0/releases', 'version');
    for (const name of names.slice(1)) {
      await platform.api('POST', '/apps', { name });
      await platform.api('POST', `/apps/${name}/releases`, { slug: release?.slug.id });
    }
    await ask(names);
    const awake = runnersMemory(platform);
    await delay(90_000);
    const asleep = runnersMemory(platform);
    for (let round = 0; round < ROUNDS; round++) await ask(names);
    const active = runnersMemory(platform);
    const further = (memory: number) => (memory - first) / (APPS - 1);
    const row = (task: string, value: number, unit = 'MiB'): Result => ({
      subject,
      task,
      value: Math.round(value * 10) / 10,
      unit,
    });
    return [
      row('the first app', first - empty),
      row('each further app, awake', further(awake)),
      row(`each of ${APPS} apps, asleep`, (asleep - empty) / APPS),
      row(`each further app, after ${ROUNDS} requests`, further(active)),
      row('awake apps that fit', Math.floor(1024 / further(awake)), 'per GiB'),
    ];
  } finally {
    await repository.destroy();
    await platform.destroy();
  }
}

try {
  const results: Result[] = [];
  for (const [subject, app] of Object.entries(apps)) {
    if (!KINDS || KINDS.includes(subject)) results.push(...(await measure(subject, app)));
  }
  publish('density', results);
} finally {
  await stop();
}
