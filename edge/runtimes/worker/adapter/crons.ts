/** Cron triggers: when an app's `scheduled` is called. */
import { cronOf } from '../../../../schema/cron.ts';

/**
 * Calls back at the times of each expression, until it is stopped.
 *
 * @param call takes the expression, and the time that is meant: milliseconds since 1970, of a whole minute
 * @returns stops it
 */
export function schedule(expressions: readonly string[], call: (cron: string, time: number) => void): () => void {
  const crons = expressions.map((expression) => {
    const cron = cronOf(expression);
    cron.schedule(() => call(expression, wholeMinute(cron.currentRun() ?? new Date())));
    cron.resume();
    return cron;
  });
  return () => {
    for (const cron of crons) cron.stop();
  };
}

const MINUTE_MS = 60_000;

const wholeMinute = (date: Date): number => Math.floor(date.getTime() / MINUTE_MS) * MINUTE_MS;
