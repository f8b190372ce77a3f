import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { request } from '../../test/support/request.ts';

const SECONDS = 4;
const CONNECTIONS = 32;

/**
 * Asks for `path` on a port of this machine by wrk.
 *
 * @param args what else wrk is told, such as a script
 * @param connections how many ask at one time
 * @returns requests a second, and the 50th and 99th percentile of the latency in milliseconds
 * @throws Error when a request failed
 */
export async function wrk(
  port: number,
  path: string,
  args: readonly string[],
  connections = CONNECTIONS,
): Promise<Record<string, number>> {
  const load = ['--latency', '-t1', `-c${connections}`, `-d${SECONDS}s`];
  const { stdout } = await promisify(execFile)('wrk', [...load, ...args, `http://127.0.0.1:${port}${path}`], {
    timeout: 60_000,
  });
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1];
  if (failed) throw new Error(`${failed} requests failed:\n${stdout}`);
  return {
    'requests/s': Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])),
    'ms, p50': milliseconds(/^ +50%\s+(\S+)/m.exec(stdout)?.[1]),
    'ms, p99': milliseconds(/^ +99%\s+(\S+)/m.exec(stdout)?.[1]),
  };
}

/** Of a duration as wrk writes it: `850.00us`, `4.10ms`, `1.20s`. */
function milliseconds(text = ''): number {
  const [, number, unit = ''] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Math.round(Number(number) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN) * 10) / 10;
}

/** Asks until there is an answer 200, for a minute at most. */
export async function untilOk(port: number, host: string, path = '/'): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(5)) {
    const answer = await request(port, host, path).catch(() => undefined);
    if (answer?.status === 200) return;
  }
  throw new Error(`No 200 from ${host} on port ${port} in 60 s.`);
}
