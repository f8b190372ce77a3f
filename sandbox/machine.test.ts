import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { takeMachine, warmMachine } from './machine.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a machine does not outlive the process that started it, however that ended', async () => {
  const source = `
    const { takeMachine, warmMachine } = await import(${JSON.stringify(fileURLToPath(new URL('machine.ts', import.meta.url)))});
    const { pid, directory } = await takeMachine();
    console.log(JSON.stringify({ pid, directory }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { pid, directory } = JSON.parse(line.toString()) as { pid: number; directory: string };
  expect(isAlive(pid)).toBe(true);
  child.kill('SIGKILL');
  for (let waited = 0; waited < 5000 && (isAlive(pid) || existsSync(directory)); waited += 50) await sleep(50);
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(directory)).toBe(false);
});

test('its process gets nothing of the environment', async () => {
  const machine = await takeMachine();
  expect(await readFile(`/proc/${machine.pid}/environ`, 'utf8')).toBe('');
  await machine.kill();
  expect(isAlive(machine.pid)).toBe(false);
});

test('a spare that died is not handed out', async () => {
  const stop = warmMachine();
  // Its start takes less than half a second.
  await sleep(2500);
  for (const thread of await readdir(`/proc/${process.pid}/task`)) {
    const children = await readFile(`/proc/${process.pid}/task/${thread}/children`, 'utf8');
    for (const pid of children.split(' ').filter(Boolean)) {
      if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('control-fd')) process.kill(Number(pid), 'SIGKILL');
    }
  }
  await sleep(200);
  const machine = await takeMachine();
  await stop();
  expect(isAlive(machine.pid)).toBe(true);
  await machine.kill();
});
