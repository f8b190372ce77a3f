import { FLUSH, MAX_PKT_LINE } from './pkt-line.ts';

/** The bands of side-band-64k (gitprotocol-pack): data, progress for a person, a last message before giving up. */
export const Band = { data: 1, progress: 2, error: 3 } as const;
type Band = (typeof Band)[keyof typeof Band];

/** The pkt-line's length and the band. */
export const PACKET_HEADER = 5;
/** The content that one packet takes. */
export const PACKET_ROOM = MAX_PKT_LINE - PACKET_HEADER;

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
      if (Date.now() - this.#last >= QUIET_MS) this.writePacket(Band.data, new Uint8Array(PACKET_HEADER));
    }, QUIET_MS / 4);
  }

  /** True when nobody reads any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Writes to a band, in as many packets as it takes. Resolves when the client can take more. */
  async write(band: Band, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let from = 0; from < bytes.length; from += PACKET_ROOM) {
      const piece = bytes.subarray(from, from + PACKET_ROOM);
      const packet = new Uint8Array(PACKET_HEADER + piece.length);
      packet.set(piece, PACKET_HEADER);
      await this.writePacket(band, packet);
    }
  }

  /** Writes one packet, whose first PACKET_HEADER bytes are left for the header. May be reused afterwards. */
  async writePacket(band: Band, packet: Uint8Array): Promise<void> {
    if (this.#gone) return;
    this.#last = Date.now();
    packet.set(Buffer.from(packet.length.toString(16).padStart(4, '0')));
    packet[4] = band;
    try {
      await this.#writer.write(packet);
    } catch {
      this.#gone = true;
    }
  }

  /** Ends the response. */
  async end(): Promise<void> {
    clearInterval(this.#keepalive);
    if (this.#gone) return;
    await this.#writer.write(FLUSH).catch(() => undefined);
    await this.#writer.close().catch(() => undefined);
  }
}
