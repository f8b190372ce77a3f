import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { processStat } from './process-stat.ts';

/** Stats of a process that runs `code`, until `done` says that it is as it should be. */
async function until(code: string, done: (stat: NonNullable<ReturnType<typeof processStat>>) => boolean) {
  const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
  try {
    await expect
      .poll(() => processStat(child.pid ?? 0), { timeout: 30_000 })
      .toSatisfy((stat) => stat !== undefined && done(stat));
  } finally {
    child.kill('SIGKILL');
  }
}

it.runIf(process.platform === 'linux')('tells computing from sleeping, and memory', async () => {
  await until('for (;;);', ({ sleeps, cpuMs }) => !sleeps && cpuMs > 300);
  await until(
    'globalThis.held = Buffer.alloc(200e6, 1); setInterval(() => {}, 1e6)',
    ({ sleeps, memory }) => sleeps && memory > 200e6 && memory < 500e6,
  );
});

it('knows nothing of a process that is gone', () => {
  expect(processStat(2 ** 30)).toBeUndefined();
});
