/** Frames of the WebSocket protocol (RFC 6455, section 5), between an app's library and workerd's WebSocket. */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Most bytes of one message: as many as workerd takes. */
const MAX_MESSAGE = 32 * 1024 * 1024;

export type Message =
  | { type: 'text'; text: string }
  | { type: 'binary'; bytes: Uint8Array<ArrayBuffer> }
  | { type: 'ping' | 'pong'; bytes: Uint8Array<ArrayBuffer> }
  /** Without a code when the frame had none. */
  | { type: 'close'; code?: number; reason: string };

interface Frame {
  /** Whether it ends its message. */
  final: boolean;
  opcode: number;
  payload: Uint8Array<ArrayBuffer>;
}

/** Puts frames together to messages, however the bytes are cut. */
export class FrameReader {
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  /** Bytes of the chunks, and how many of them the next frame needs at least. */
  #length = 0;
  #needed = 2;
  /** The fragments of a message that is not complete. */
  #fragments: Uint8Array<ArrayBuffer>[] = [];
  #opcode: number = OPCODES.continuation;

  /**
   * @returns the messages that are complete with these bytes
   * @throws Error when they break the protocol
   */
  read(bytes: Uint8Array): Message[] {
    this.#chunks.push(bytes as Uint8Array<ArrayBuffer>);
    this.#length += bytes.length;
    const messages: Message[] = [];
    for (let frame = this.#frame(); frame; frame = this.#frame()) {
      const message = this.#message(frame);
      if (message) messages.push(message);
    }
    return messages;
  }

  #frame(): Frame | undefined {
    if (this.#length < this.#needed) return undefined;
    const all = this.#gather();
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    const [first, second] = [view.getUint8(0), view.getUint8(1)];
    if ((first & 0x70) !== 0) throw new Error('A frame of an extension that was not agreed on.');
    const short = second & 0x7f;
    const masked = (second & 0x80) !== 0;
    const start = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (masked ? 4 : 0);
    if (!this.#has(start)) return undefined;
    const length = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    if (length > MAX_MESSAGE) throw new Error(`A frame of ${length} bytes is too large.`);
    if (!this.#has(start + length)) return undefined;
    const payload = all.slice(start, start + length);
    if (masked) {
      const key = all.subarray(start - 4, start);
      for (let at = 0; at < payload.length; at++) payload[at] = (payload[at] ?? 0) ^ (key[at & 3] ?? 0);
    }
    this.#chunks = [all.subarray(start + length)];
    this.#length -= start + length;
    this.#needed = 2;
    return { final: (first & 0x80) !== 0, opcode: first & 0x0f, payload };
  }

  /** Whether so many bytes are there; if not, nothing is looked at before they are. */
  #has(needed: number): boolean {
    this.#needed = needed;
    return this.#length >= needed;
  }

  /** All bytes that wait, as one. */
  #gather(): Uint8Array<ArrayBuffer> {
    const all = concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #message({ final, opcode, payload }: Frame): Message | undefined {
    if (opcode === OPCODES.close) return closeOf(payload);
    if (opcode === OPCODES.ping) return { type: 'ping', bytes: payload };
    if (opcode === OPCODES.pong) return { type: 'pong', bytes: payload };
    if (opcode !== OPCODES.continuation) this.#opcode = opcode;
    this.#fragments.push(payload);
    if (this.#fragments.reduce((sum, { length }) => sum + length, 0) > MAX_MESSAGE) {
      throw new Error(`A message of more than ${MAX_MESSAGE} bytes is too large.`);
    }
    if (!final) return undefined;
    const bytes = concat(this.#fragments);
    this.#fragments = [];
    return this.#opcode === OPCODES.text
      ? { type: 'text', text: new TextDecoder().decode(bytes) }
      : { type: 'binary', bytes };
  }
}

function concat(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function closeOf(payload: Uint8Array<ArrayBuffer>): Message {
  if (payload.length < 2) return { type: 'close', reason: '' };
  const code = new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  return { type: 'close', code, reason: new TextDecoder().decode(payload.subarray(2)) };
}

/** A frame as a client sends it: masked, with a key of zeros, which changes nothing. */
export function clientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = new Uint8Array(2 + extended + 4 + length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, 0x80 | opcode);
  view.setUint8(1, 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127));
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, 2 + extended + 4);
  return frame;
}

/** The payload of a frame that closes. */
export function closePayload(code: number | undefined, reason: string): Uint8Array {
  if (code === undefined) return new Uint8Array();
  const text = new TextEncoder().encode(reason);
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return payload;
}
