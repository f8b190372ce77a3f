/** Apps that take the thread or the memory of the runner they share: they are stopped, and the others go on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';

/** MiB. workerd itself takes some sixty of them. */
const RUNNER_MEMORY = '700';

let platform: Platform;
let repository: Repository;

async function deploy(name: string, listener: string): Promise<void> {
  await platform.api('POST', '/apps', { name });
  await repository.write({
    'server.js': `require('node:http').createServer(${listener}).listen(process.env.PORT);\n`,
  });
  await repository.commit(name);
  const { code, stderr } = await repository.git('push', '--force', platform.remote(name), 'main');
  expect(code, stderr).toBe(0);
}

const statusOf = (name: string, path = '/') => platform.app(name, path).then(({ status }) => status, String);

/** Answers of an app, asked for again and again until `stop` is called. */
function keepAsking(name: string) {
  const answers: unknown[] = [];
  let going = true;
  const asking = (async () => {
    while (going) {
      answers.push(await statusOf(name));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    stop: async () => {
      going = false;
      await asking;
      return answers;
    },
  };
}

beforeAll(async () => {
  // One runner, so that every app shares it.
  platform = await Platform.start({ RUNNERS: '1', RUNNER_MEMORY });
  repository = await Repository.create({ 'package.json': '{"name":"bad","scripts":{"start":"node server.js"}}' });
  await deploy('quiet', `(req, res) => { if (req.url !== '/wait') res.end(); }`);
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

const isUp = (name: string) => expect.poll(() => statusOf(name), { timeout: 60_000, interval: 100 }).toBe(200);

const loops = `(req, res) => {
  if (req.url === '/loop') for (;;) {}
  if (req.url === '/regex') /^(a+)+$/.test('a'.repeat(40) + 'b');
  res.end();
}`;

/** What the log says of a request that was in a runner when that was killed. */
const cutOff = (path: string) =>
  new RegExp(
    `router\\]: at=error code=H13 desc="Connection closed without response" method=GET path="${path}" host=\\S+ request_id=\\S+ fwd="127.0.0.1" dyno=web.1 connect=0ms service=\\d+ms status=503 bytes=0 protocol=http`,
  );

describe('an app that never gives its thread back', () => {
  it.each([
    ['hangs', '/loop'],
    ['matches', '/regex'],
  ])(
    '%s (%s) is killed with its runner, the others are served again, and it gets a runner of its own',
    async (name, path) => {
      await deploy(name, loops);
      await isUp('quiet');
      const [waiting, harmful] = await Promise.allSettled([platform.app('quiet', '/wait'), platform.app(name, path)]);
      expect([waiting.status, harmful.status]).toEqual(['rejected', 'rejected']);
      await isUp('quiet');
      await expect.poll(() => platform.log('quiet')).toMatch(cutOff('/wait'));
      await expect.poll(() => platform.log(name)).toMatch(cutOff(path));
      expect(platform.output).toMatch(/runner 0 has not answered for \d+\.\d s; it is killed/);
      await isUp(name);
      await expect
        .poll(() => descendants(platform.pid).some(({ command }) => command.includes('lone-runner')))
        .toBe(true);
    },
  );

  it('harms nobody when it does it again, and waits before it is started again', async () => {
    const name = 'hangs';
    const asking = keepAsking('quiet');
    for (const _ of [1, 2, 3]) {
      await isUp(name);
      expect(await statusOf(name, '/loop')).toBe(503);
    }
    expect(new Set(await asking.stop())).toEqual(new Set([200]));
    await expect.poll(() => statusOf(name), { timeout: 5_000 }).toBe(503);
    await expect.poll(() => platform.log(name)).toContain('code=H10 desc="App crashed"');
    const log = await platform.log(name);
    expect(log).toContain('code=H13 desc="Connection closed without response"');
    expect(log).toMatch(/heroku\[web\.1\]: Process has not answered for \d+\.\d s: it holds its thread/);
    expect(log).toContain('heroku[web.1]: Process exited with status 137');
  });
});

it('an app that takes too much memory is killed, and its log says R15; on the way there, R14', async () => {
  await deploy(
    'eater',
    `(req, res) => {
      res.end();
      if (req.url === '/hold') globalThis.held = Buffer.alloc(500e6, 1);
      if (req.url === '/eat') (globalThis.kept = []), setInterval(() => kept.push(Buffer.alloc(20e6, 1)), 20);
    }`,
  );
  await isUp('quiet');
  for (const _ of [1, 2]) {
    await isUp('eater');
    const { length } = platform.output;
    // It may be on its way to a runner of its own, and what it has begun in the one before ends there.
    const afterMeal = () => statusOf('eater', '/eat').then(() => platform.output.slice(length));
    await expect
      .poll(afterMeal, { timeout: 60_000, interval: 1_000 })
      .toMatch(/has \d+ MiB of memory, and may have 700 MiB; it is killed/);
  }
  await isUp('quiet');
  await expect
    .poll(() => platform.log('eater'), { timeout: 20_000 })
    .toContain('Error R15 (Memory quota vastly exceeded)');
  await isUp('eater'); // It is alone on its runner by now, whose memory is its own.
  await statusOf('eater', '/hold');
  await expect
    .poll(() => platform.log('eater'), { timeout: 20_000 })
    .toMatch(
      /heroku\[web\.1\]: Process running mem=[56]\d\dM\(1[0-3]\d\.\d%\)\n.* Error R14 \(Memory quota exceeded\)/,
    );
  expect(await platform.log('eater')).toMatch(
    /source=web\.1 sample#load_avg_1m=\d\.\d\d .*\n.* source=web\.1 sample#memory_total=[56]\d\d\.\d\dMB/,
  );
  expect(await statusOf('eater')).toBe(200);
});

it('an app that had the thread when its runner crashed gets one of its own', async () => {
  await deploy('breaks', '(req, res) => res.end()');
  await isUp('breaks');
  const [runner] = descendants(platform.pid).filter(({ command }) => /\/runner\.capnp/.test(command));
  if (runner) process.kill(runner.pid, 'SIGABRT');
  await expect.poll(() => platform.output).toMatch(/runner 0 crashed with code 1, and [1-9] of its apps may be why/);
  await isUp('quiet');
  await isUp('breaks');
  await expect.poll(() => platform.log('breaks')).toMatch(/now the app has one of its own|Process crashed with code 1/);
});
