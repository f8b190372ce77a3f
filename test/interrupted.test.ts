/** Builds that something interrupts: what was accepted is built and released all the same. */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;
let version = 0;

beforeAll(async () => {
  platform = await Platform.start();
  repository = await Repository.create({
    'package.json': '{"name":"slow","scripts":{"build":"sleep 2","start":"node server.js"}}',
    'server.js': '',
  });
  await platform.api('POST', '/apps', { name: 'slow' });
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

/** Starts a push of a new version; resolves, with the push going on, when its build runs. */
async function pushUntilItBuilds() {
  version++;
  await repository.write({
    'server.js': `require('node:http').createServer((_, res) => res.end('v${version}')).listen(process.env.PORT);\n`,
  });
  await repository.commit(`Version ${version}`);
  const push = spawn('git', ['push', platform.remote('slow'), 'main'], {
    cwd: repository.path,
    env: { PATH: process.env.PATH, HOME: repository.path, GIT_TERMINAL_PROMPT: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => push.once('exit', resolve));
  let output = '';
  await new Promise<void>((resolve) => {
    push.stderr.on('data', (bytes) => {
      output += bytes;
      if (output.includes('sleep 2')) resolve();
    });
    push.once('exit', () => resolve());
  });
  expect(output).toContain('sleep 2');
  return { push, ended, output: () => output };
}

const isLive = () =>
  expect
    .poll(() => platform.app('slow').then(({ text }) => text, String), { timeout: 40_000, interval: 200 })
    .toBe(`v${version}`);

function kill(part: string): void {
  const victim = descendants(platform.pid).find(({ command }) => command.includes(part));
  expect(victim).toBeDefined();
  if (victim) process.kill(victim.pid, 'SIGKILL');
}

it('goes on when the terminal is closed', async () => {
  const { push, ended } = await pushUntilItBuilds();
  push.kill('SIGKILL');
  await ended;
  await isLive();
  const { stdout } = await repository.git('ls-remote', platform.remote('slow'), 'refs/heads/main');
  expect(stdout).toContain((await repository.git('rev-parse', 'HEAD')).stdout.trim());
});

it('starts again when the builder is killed, and the push still ends well', async () => {
  const { ended, output } = await pushUntilItBuilds();
  kill('builder/main.ts');
  expect(await ended).toBe(0);
  expect(output()).toContain('The build was interrupted and starts again');
  await isLive();
});

it('starts again when the edge is killed', async () => {
  const { ended } = await pushUntilItBuilds();
  kill('host/edge.ts');
  expect(await ended).not.toBe(0);
  await isLive();
});

it('starts again when the whole platform is killed and started', async () => {
  const { ended } = await pushUntilItBuilds();
  await platform.stop('SIGKILL');
  expect(await ended).not.toBe(0);
  await platform.start();
  await isLive();
  const builds = await platform.newest('/apps/slow/builds', 'created_at');
  expect(builds.map(({ status }) => status)).toEqual(builds.map(() => 'succeeded'));
  // Nothing is left to do: the next push is an ordinary one.
  const { ended: next } = await pushUntilItBuilds();
  expect(await next).toBe(0);
  await isLive();
});
