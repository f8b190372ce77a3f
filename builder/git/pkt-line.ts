/**
 * pkt-line (gitprotocol-common): four hex digits with the length of the whole, and the data; `0000` is a flush, `0001` a
 * delimiter, `0002` the end of a response.
 */
import { BuildFailure } from '../failure.ts';

export const flush = '0000';
export const delimiter = '0001';

/** One line, with its newline. */
export function pktLine(text: string): string {
  return `${(Buffer.byteLength(text) + 5).toString(16).padStart(4, '0')}${text}\n`;
}

/**
 * The packets of an answer; null for each that carries none.
 *
 * @throws BuildFailure when it is cut short, or no pkt-line
 */
export function* packets(answer: Buffer, what: string): Generator<Buffer | null> {
  let at = 0;
  while (at < answer.length) {
    const digits = answer.toString('latin1', at, at + 4);
    const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : -1;
    if (length < 0 || length === 3 || at + length > answer.length) {
      throw new BuildFailure(`${what} could not be fetched: the server does not answer as git does.`);
    }
    yield length < 4 ? null : answer.subarray(at + 4, at + length);
    at += Math.max(length, 4);
  }
}

/** The text of a packet, without its newline. */
export const textOf = (packet: Buffer): string => packet.toString('utf8').replace(/\n$/, '');
