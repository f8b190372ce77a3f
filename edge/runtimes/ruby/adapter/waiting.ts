import type { Files } from './engine.ts';
import { type Fetch, fetching } from './fetching.ts';

/** What lib/waiting.rb calls, as `JS.global[:islet]`: Ruby waits for the promises that these give. */
export interface Waiting {
  /** @param seconds may have a fraction */
  sleep(seconds: number): Promise<void>;
  /** The next line of standard input with its newline; null at its end. */
  readLine(): Promise<string | null>;
  fetch: Fetch;
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
  files: Files,
  { readLine = async () => null, streaming = noStreaming }: { readLine?: Waiting['readLine']; streaming?: Streaming },
): void {
  const waiting: Waiting = {
    sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000)),
    readLine,
    fetch: fetching(files),
    ...streaming,
  };
  const constants = { undefined, null: null, true: true, false: false };
  Object.assign(globalThis, { islet: { ...waiting, constants } });
}
