/** The processes of an app besides `web`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { alive, descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;
const app = 'ferry';

beforeAll(async () => {
  platform = await Platform.start();
  repository = await Repository.create({
    'package.json': '{"name":"ferry","version":"1.0.0"}',
    Procfile: 'web: node server.js\nworker: node worker.js one\nclock: node clock.js\n',
    'server.js': "require('node:http').createServer((_, res) => res.end('up\\n')).listen(process.env.PORT);\n",
    'worker.js': `
      let ticks = 0;
      console.log('worker ' + process.argv[2] + ' of ' + process.env.DYNO + ' begins');
      setInterval(() => console.log('tick ' + ++ticks), 200);
      process.on('SIGTERM', () => {
        console.log('worker says goodbye');
        setTimeout(() => process.exit(0), 300);
      });
    `,
    'clock.js': "console.log('clock strikes');\nsetTimeout(() => process.exit(3), 100);\n",
  });
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

const push = () => repository.git('push', platform.remote(app), 'main');
const scale = (updates: { type: string; quantity: number }[]) =>
  platform.api('PATCH', `/apps/${app}/formation`, { updates });
const count = async (text: string) => (await platform.log(app)).split(text).length - 1;
const eventually = (text: string, times = 1) =>
  expect.poll(() => count(text), { timeout: 60_000, interval: 250 }).toBeGreaterThanOrEqual(times);

describe('a background process', () => {
  it('does not run until it is scaled, as on Heroku', async () => {
    await platform.api('POST', '/apps', { name: app });
    const { code, stderr } = await push();
    expect(stderr).toContain('remote:        Procfile declares types     -> web, worker, clock');
    expect(code).toBe(0);
    const { body } = await platform.api('GET', `/apps/${app}/formation`);
    expect(body).toMatchObject([
      { type: 'clock', quantity: 0 },
      { type: 'web', quantity: 1 },
      { type: 'worker', quantity: 0 },
    ]);
    await platform.app(app);
    expect(await platform.log(app)).not.toContain('worker.1');
  });

  it('starts when it is scaled up, without a request', async () => {
    expect((await scale([{ type: 'worker', quantity: 2 }])).status).toBe(200);
    await eventually('heroku[worker.1]: Starting process with command `node worker.js one`');
    await eventually('heroku[worker.1]: State changed from starting to up');
    await eventually('app[worker.1]: worker one of worker.1 begins');
    await eventually('app[worker.2]: tick 3');
  });

  it('is restarted by a release: SIGTERM, its own end, and only then the new one', async () => {
    await platform.api('PATCH', `/apps/${app}/config-vars`, { COLOUR: 'blue' });
    await eventually('app[worker.1]: worker one of worker.1 begins', 2);
    const lines = (await platform.log(app)).split('\n').filter((line) => line.includes('[worker.1]'));
    const said = lines.map((line) => line.replace(/^\S+ /, '')).filter((line) => !line.includes('tick'));
    expect(said.slice(3)).toEqual([
      'heroku[worker.1]: Stopping all processes with SIGTERM',
      'app[worker.1]: worker says goodbye',
      'heroku[worker.1]: Process exited with status 0',
      'heroku[worker.1]: Starting process with command `node worker.js one`',
      'heroku[worker.1]: State changed from starting to up',
      'app[worker.1]: worker one of worker.1 begins',
    ]);
  });

  it('starts again when its runner is killed', async () => {
    const runners = descendants(platform.pid).filter(({ command }) => command.includes('runner.capnp'));
    expect(runners.length).toBeGreaterThanOrEqual(2);
    for (const { pid } of runners) process.kill(pid, 'SIGKILL');
    await expect.poll(() => alive(runners), { timeout: 30_000 }).toEqual([]);
    await eventually('app[worker.1]: worker one of worker.1 begins', 3);
    await eventually('app[worker.2]: worker one of worker.2 begins', 3);
  });

  it('starts again with the platform', async () => {
    expect(await platform.stop()).toBe(0);
    await platform.start();
    await eventually('app[worker.1]: worker one of worker.1 begins', 4);
  });

  it('ends when it is scaled down', async () => {
    const exits = await count('heroku[worker.2]: Process exited with status 0');
    await scale([{ type: 'worker', quantity: 0 }]);
    await eventually('heroku[worker.2]: Process exited with status 0', exits + 1);
    const ticks = await count('tick');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await count('tick')).toBe(ticks);
  });

  it('is started again when it ends by itself, sooner the first times', async () => {
    await scale([{ type: 'clock', quantity: 1 }]);
    await eventually('app[clock.1]: clock strikes', 3);
    const log = await platform.log(app);
    expect(log).toContain('heroku[clock.1]: Process exited with status 3');
    expect(log).toContain('heroku[clock.1]: State changed from up to crashed');
    expect(log).toContain('heroku[clock.1]: State changed from crashed to starting');
    await scale([{ type: 'clock', quantity: 0 }]);
  });
});
