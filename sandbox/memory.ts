/** Watches how much memory the processes of a machine hold. */
import { readFileSync } from 'node:fs';

const intervalMs = 50;
/** Pages of Linux on the architectures that workerd is built for. */
const pageBytes = 4096;

/**
 * Looks at the resident memory of processes, twenty times a second, from Linux's /proc (proc(5), `statm`). On other systems there is
 * nothing to look at.
 *
 * @param onCross told once, in MiB
 * @returns stops it
 */
export function watchMemory(pids: () => number[], limitMiB: number, onCross: (usedMiB: number) => void): () => void {
  const timer = setInterval(() => {
    const used = pids().reduce((sum, pid) => sum + residentMiB(pid), 0);
    if (used <= limitMiB) return;
    clearInterval(timer);
    onCross(used);
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Resident memory of a process in MiB; 0 when it is gone or the system does not tell. */
export function residentMiB(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    return (pages * pageBytes) / 2 ** 20;
  } catch {
    return 0;
  }
}
