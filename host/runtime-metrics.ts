/**
 * What a process of an app takes, in the words of Heroku's log ("Log Runtime Metrics", "Error Codes"): load and memory every
 * 20 seconds, and R14 as soon as it has more memory than its quota.
 */
import type { ProcessStat } from './process-stat.ts';

/** Heroku's quota of a Standard-1X dyno, which its percentages are of. Bytes. */
const QUOTA = 512 * 2 ** 20;

/** As often as Heroku measures a dyno. Milliseconds. */
const EVERY_MS = 20_000;

const MINUTES = [1, 5, 15];

export type Usage = Pick<ProcessStat, 'cpuMs' | 'memory'>;

export class RuntimeMetrics {
  readonly #dyno: string;
  /** The load averages of the last 1, 5 and 15 minutes. */
  #loads = MINUTES.map(() => 0);
  #last: { at: number; cpuMs: number };
  #toldAt: number;
  #isOver = false;

  /**
   * @param dyno such as `web.1`
   * @param cpuMs what its process has used of the processor before
   */
  constructor(dyno: string, now: number, cpuMs = 0) {
    this.#dyno = dyno;
    this.#last = { at: now, cpuMs };
    this.#toldAt = now;
  }

  /** To be called every second or so. @returns the lines that are due: none, most of the time */
  sample({ cpuMs, memory }: Usage, now: number): string[] {
    this.#average(cpuMs, now);
    const passes = memory > QUOTA && !this.#isOver;
    this.#isOver = memory > QUOTA;
    if (now - this.#toldAt < EVERY_MS && !passes) return [];
    this.#toldAt = now;
    const loads = MINUTES.map((minutes, i) => `sample#load_avg_${minutes}m=${this.#loads[i]?.toFixed(2)}`);
    const lines = [
      `source=${this.#dyno} ${loads.join(' ')}`,
      `source=${this.#dyno} sample#memory_total=${megabytes(memory)} sample#memory_rss=${megabytes(memory)} sample#memory_quota=${megabytes(QUOTA)}`,
    ];
    return this.#isOver ? [...lines, memoryLine(memory), 'Error R14 (Memory quota exceeded)'] : lines;
  }

  #average(cpuMs: number, now: number): void {
    const passedMs = now - this.#last.at;
    if (passedMs <= 0) return;
    // A process that was started anew counts from zero.
    const load = Math.max(0, cpuMs - this.#last.cpuMs) / passedMs;
    this.#last = { at: now, cpuMs };
    this.#loads = this.#loads.map((average, i) => {
      const kept = Math.exp(-passedMs / ((MINUTES[i] ?? 1) * 60_000));
      return average * kept + load * (1 - kept);
    });
  }
}

/** How much memory a process has, of its quota. @param memory bytes */
export const memoryLine = (memory: number): string =>
  `Process running mem=${Math.round(memory / 2 ** 20)}M(${((100 * memory) / QUOTA).toFixed(1)}%)`;

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)}MB`;
