import { FLUSH, MAX_PKT_LINE } from './pkt-line.ts';

/** The bands of side-band-64k (gitprotocol-pack): data, progress for a person, a last message before giving up. */
export const Band = { data: 1, progress: 2, error: 3 } as const;
type Band = (typeof Band)[keyof typeof Band];

const HEADER = 5;

/** How long nothing may be sent before a keepalive, in ms. */
const QUIET_MS = 10_000;

/** Writes a response of interleaved bands. When the client is gone, writing does nothing. */
export class SideBand {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #keepalive: ReturnType<typeof setInterval>;
  #last = Date.now();
  #gone = false;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>) {
    this.#writer = writer;
    this.#keepalive = setInterval(() => {
      // An empty packet on band 1, as git's own receive-pack sends it.
      if (Date.now() - this.#last >= QUIET_MS) this.#send(Band.data, new Uint8Array(0));
    }, QUIET_MS / 4);
  }

  /** True when nobody reads any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Writes to a band, in as many packets as it takes. Resolves when the client can take more. */
  async write(band: Band, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const room = MAX_PKT_LINE - HEADER;
    for (let from = 0; from < bytes.length; from += room) await this.#send(band, bytes.subarray(from, from + room));
  }

  /** Ends the response. */
  async end(): Promise<void> {
    clearInterval(this.#keepalive);
    if (this.#gone) return;
    await this.#writer.write(FLUSH).catch(() => undefined);
    await this.#writer.close().catch(() => undefined);
  }

  async #send(band: Band, bytes: Uint8Array): Promise<void> {
    if (this.#gone) return;
    this.#last = Date.now();
    const packet = new Uint8Array(HEADER + bytes.length);
    packet.set(Buffer.from(packet.length.toString(16).padStart(4, '0')));
    packet[4] = band;
    packet.set(bytes, HEADER);
    try {
      await this.#writer.write(packet);
    } catch {
      this.#gone = true;
    }
  }
}
