import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How long the processes of a group may take to stand still. Milliseconds. */
const PAUSE_PATIENCE_MS = 2_000;

/** The processes of a group and the state of each (proc(5): `R`, `S`, `T` for stopped); empty where there is no /proc. */
function members(group: number): { pid: number; state: string }[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const [, state = '', of] = /\) (\S) \d+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
          return Number(of) === group ? [{ pid: Number(pid), state }] : [];
        } catch {
          return [];
        }
      });
  } catch {
    return [];
  }
}

/**
 * Runs `work` while every process of a group stands still, and lets them go on whatever becomes of it.
 * @throws what `work` throws, or when they do not stop in time
 */
export async function whilePaused<T>(group: number, work: () => Promise<T>): Promise<T> {
  process.kill(-group, 'SIGSTOP');
  try {
    const deadline = Date.now() + PAUSE_PATIENCE_MS;
    while (members(group).some(({ state }) => !'TtZX'.includes(state))) {
      if (Date.now() > deadline) throw new Error(`Process group ${group} does not stop.`);
      await delay(1);
    }
    return await work();
  } finally {
    process.kill(-group, 'SIGCONT');
  }
}
