/** What benches ask of a platform's dynos. */
import { processStat } from '../../host/process-stat.ts';
import type { Platform } from '../../test/support/platform.ts';
import { descendants } from '../../test/support/processes.ts';
import { untilOk } from './wrk.ts';

const MIB = 2 ** 20;

/** Resident memory of all runners. MiB. */
export const runnersMemory = (platform: Platform): number =>
  descendants(platform.pid)
    .filter(({ command }) => command.includes('runner.capnp'))
    .reduce((sum, { pid }) => sum + (processStat(pid)?.memory ?? 0), 0) / MIB;

/**
 * Starts an app's dynos anew, again and again.
 *
 * @returns the median of the time from a start to its `up`, by the app's log. Milliseconds
 */
export async function coldStart(platform: Platform, app: string, rounds: number): Promise<number> {
  for (let round = 0; round < rounds; round++) {
    const before = startTimes(await platform.log(app)).length;
    await platform.api('DELETE', `/apps/${app}/dynos`);
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      await untilOk(platform.port, `${app}.localhost`);
      if (startTimes(await platform.log(app)).length > before) break;
    }
  }
  return median(startTimes(await platform.log(app)).slice(-rounds));
}

/** The one in the middle. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds from each start of a process to its first `up`. */
function startTimes(log: string): number[] {
  const times: number[] = [];
  let begun: number | undefined;
  for (const line of log.split('\n')) {
    const [at = ''] = line.split(' ');
    if (line.includes('Starting process with command')) begun = Date.parse(at);
    if (!line.includes('to up') || begun === undefined) continue;
    times.push(Date.parse(at) - begun);
    begun = undefined;
  }
  return times;
}
