import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { WaitingRequest } from '../edge/router/router-log.ts';
import { MARKER_BYTES, readTable, TABLE_BYTES, writeMarker } from '../edge/runner/request-table.ts';

/** How much of a process is looked through at once. Bytes. */
const CHUNK_BYTES = 2 ** 20;

/** Requests are answered H12 after 30 seconds; what is older has lost its client, or is an upload. Milliseconds. */
const MAX_AGE_MS = 31_000;

/**
 * The table of waiting requests in the memory of a runner (proc(5), /proc/pid/mem), which whoever started a process may
 * read wherever it may be debugged. A table does not move: it is looked for once, while the process is small.
 */
export class WaitingRequests {
  readonly #pid: number;
  readonly #address: number;

  private constructor(pid: number, address: number) {
    this.#pid = pid;
    this.#address = address;
  }

  /**
   * @param word what the runner marks its table by
   * @returns undefined where the memory of processes cannot be read
   */
  static async find(pid: number, word: string): Promise<WaitingRequests | undefined> {
    const marker = Buffer.alloc(MARKER_BYTES);
    writeMarker(word, marker);
    try {
      await using memory = await open(`/proc/${pid}/mem`);
      for (const [start, end] of dataOf(await readFile(`/proc/${pid}/maps`, 'utf8'))) {
        const address = await search(memory, marker, start, end);
        if (address !== undefined) return new WaitingRequests(pid, address);
      }
    } catch {
      // No Linux, or the process has ended, or nobody may look into others.
    }
    return undefined;
  }

  /** Those that wait now; none where the process has ended. */
  read(now = Date.now()): WaitingRequest[] {
    const bytes = Buffer.alloc(TABLE_BYTES);
    try {
      const memory = openSync(`/proc/${this.#pid}/mem`, 'r');
      try {
        readSync(memory, bytes, 0, bytes.length, this.#address);
      } finally {
        closeSync(memory);
      }
    } catch {
      return [];
    }
    return [...readTable(bytes)].filter(({ at }) => now - at < MAX_AGE_MS);
  }
}

/** Start and end of what a process may write to that is no file, after the lines of /proc/pid/maps. */
function* dataOf(maps: string): Generator<[number, number]> {
  for (const line of maps.split('\n')) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 /.exec(line) ?? [];
    if (start && end) yield [Number.parseInt(start, 16), Number.parseInt(end, 16)];
  }
}

async function search(memory: FileHandle, marker: Buffer, start: number, end: number): Promise<number | undefined> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  // Chunks overlap, so that a marker between two is found in the second.
  for (let at = start; at < end; at += CHUNK_BYTES - marker.length) {
    const { bytesRead } = await memory.read(chunk, 0, Math.min(CHUNK_BYTES, end - at), at);
    const found = chunk.subarray(0, bytesRead).indexOf(marker);
    if (found >= 0) return at + found;
  }
  return undefined;
}
