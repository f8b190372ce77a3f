import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import type { WaitingRequest } from '../edge/router/router-log.ts';
import { WaitingRequests } from './waiting-requests.ts';

const table = new URL('../edge/runner/request-table.ts', import.meta.url).href;

let process: ChildProcess | undefined;

afterEach(() => void process?.kill('SIGKILL'));

const request: WaitingRequest = {
  app: '01234567-89ab-cdef-0123-456789abcdef',
  dyno: 'web.1',
  at: Date.now(),
  method: 'GET',
  path: '/first',
  host: 'shop.localhost',
  requestId: 'an-id-of-20-characters',
  forwardedFor: '203.0.113.7',
  protocol: 'http',
};

/** The id of a process that has a table with requests, and then holds its thread. */
async function processWith(requests: WaitingRequest[]): Promise<number> {
  const code = `import { writeSync } from 'node:fs';
    import { RequestTable } from ${JSON.stringify(table)};
    globalThis.table = new RequestTable('word');
    for (const request of ${JSON.stringify(requests)}) globalThis.table.enter(request);
    writeSync(1, 'there');
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`;
  process = spawn(globalThis.process.execPath, ['--input-type=module', '-e', code]);
  if (process.stdout) await once(process.stdout, 'data');
  return process.pid ?? 0;
}

it('are read out of a process that does not answer any more', async () => {
  const old = { ...request, at: Date.now() - 60_000, path: '/old' };
  const pid = await processWith([request, old, { ...request, path: '/second' }]);
  const waiting = await WaitingRequests.find(pid, 'word');
  expect(waiting?.read()).toEqual([request, { ...request, path: '/second' }]);
  process?.kill('SIGKILL');
  if (process?.exitCode === null && process.signalCode === null) await once(process, 'exit');
  expect(waiting?.read()).toEqual([]);
});

it('are not there where nobody has such a table', async () => {
  const pid = await processWith([request]);
  expect(await WaitingRequests.find(pid, 'another')).toBeUndefined();
  expect(await WaitingRequests.find(2 ** 30, 'word')).toBeUndefined();
});
