/** Bytes worked through before others have their turn: some 20 ms of work. */
const TURN_BYTES = 2 * 1024 * 1024;
/** What an object costs besides its bytes. */
const OBJECT_COST = 1024;

/**
 * Takes turns with other requests. The event loop looks for new ones only when there is nothing left to do; work whose
 * input is all at hand, or in a store of the same process, would keep everybody waiting to its end.
 */
export class Turns {
  #work = 0;

  /** Call with the bytes of an object worked on; wait for what it returns, if it does. */
  take(bytes: number): Promise<void> | undefined {
    this.#work += bytes + OBJECT_COST;
    if (this.#work < TURN_BYTES) return undefined;
    this.#work = 0;
    return new Promise((resolve) => setTimeout(resolve, 0));
  }
}
