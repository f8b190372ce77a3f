const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;

/** When a repository is tidied up. Times in ms. */
export interface Schedule {
  /** How long a push lives whose pack is being received, from when that was last heard of. */
  receivingMs: number;
  /** How long a push lives that is stored and waits for its build, behind others perhaps. */
  quarantinedMs: number;
  /** How long the answer to a finished push is kept for whoever asks again. */
  answerMs: number;
  /** So many packs are made into one. */
  repackAt: number;
  /** How long after the last push that is done. */
  repackDelayMs: number;
  /** How long objects that no ref reaches stay at least; also when a repack that was interrupted is tried again. */
  garbageMs: number;
  /** How long packs that were replaced stay, for whoever still reads them. */
  replacedMs: number;
}

export const defaultSchedule: Schedule = {
  receivingMs: HOUR,
  quarantinedMs: 24 * HOUR,
  answerMs: 7 * 24 * HOUR,
  repackAt: 20,
  repackDelayMs: MINUTE,
  garbageMs: HOUR,
  replacedMs: HOUR,
};
