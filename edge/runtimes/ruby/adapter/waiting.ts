import type { Engine } from './engine.ts';
import { type Fetch, fetching } from './fetching.ts';

/** What lib/waiting.rb calls, as `JS.global[:islet]`: Ruby waits for the promises that these give. */
export interface Waiting {
  /** @param seconds may have a fraction */
  sleep(seconds: number): Promise<void>;
  /** The next line of standard input with its newline; null at its end. */
  readLine(): Promise<string | null>;
  fetch: Fetch;
  /** Starts a thread: Ruby runs it when the one whose turn it is waits. */
  start(id: number): void;
  /**
   * Waits at a place that has a number.
   *
   * @param seconds how long at most; less than 0 for ever
   * @returns why it goes on: what `unpark` says, or `time`
   */
  park(place: number, seconds: number): Promise<string>;
  /** @returns whether somebody has waited there */
  unpark(place: number, why: string): boolean;
  /** Waits for a promise so many seconds at most, and gives `late` when it is not kept by then. */
  within(promise: Promise<unknown>, seconds: number): Promise<unknown>;
  /** Says that the head of the response to a request is there, and its body comes by and by. */
  respond(id: number): Promise<void>;
  /** Takes the next piece of a body, which is in its file; false when nobody reads it any more. */
  write(id: number): Promise<boolean>;
}

/** What takes a body that comes by and by. */
export type Streaming = Pick<Waiting, 'respond' | 'write'>;

/** For programs, which serve nothing. */
const noStreaming: Streaming = { respond: async () => {}, write: async () => false };

export function installWaiting(
  { files, vm }: Engine,
  { readLine = async () => null, streaming = noStreaming }: { readLine?: Waiting['readLine']; streaming?: Streaming },
): void {
  const late = {};
  const after = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, Number(seconds) * 1000));
  const parked = new Map<number, (why: string) => void>();
  const waiting: Waiting = {
    sleep: after,
    start: (id) => void setTimeout(() => vm.evalAsync(`Islet::Threads.run(${Number(id)})`), 0),
    park: (place, seconds) =>
      new Promise((resolve) => {
        const timer = seconds < 0 ? undefined : setTimeout(() => go('time'), Number(seconds) * 1000);
        const go = (why: string) => {
          clearTimeout(timer);
          parked.delete(Number(place));
          resolve(String(why));
        };
        parked.set(Number(place), go);
      }),
    unpark: (place, why) => {
      const go = parked.get(Number(place));
      go?.(why);
      return go !== undefined;
    },
    within: (promise, seconds) => Promise.race([promise, after(seconds).then(() => late)]),
    readLine,
    fetch: fetching(files),
    ...streaming,
  };
  const constants = { undefined, null: null, true: true, false: false };
  Object.assign(globalThis, { islet: { ...waiting, constants, late } });
}
