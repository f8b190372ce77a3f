import { readFileSync } from 'node:fs';

/** Linux counts time in ticks of 10 ms wherever Node.js runs (sysconf(3), `_SC_CLK_TCK`). */
const TICK_MS = 10;

const PAGE_BYTES = 4096;

export interface ProcessStat {
  /** Whether its main thread waits rather than computes. */
  sleeps: boolean;
  /** Processor time that its main thread has used. Milliseconds. */
  cpuMs: number;
  /** Resident memory. Bytes. */
  memory: number;
}

/** How a process is, by its main thread's stat in /proc (proc(5)); undefined where that cannot be read. */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    // What follows the name, which is in parentheses, begins with field 3.
    const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    const field = (number: number) => Number(fields[number - 3]);
    return {
      sleeps: fields[0] !== 'R',
      cpuMs: (field(14) + field(15)) * TICK_MS,
      memory: field(24) * PAGE_BYTES,
    };
  } catch {
    return undefined;
  }
}
