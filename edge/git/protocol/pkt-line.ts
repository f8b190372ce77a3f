/**
 * pkt-line (gitprotocol-common): four hexadecimal digits with the length of the whole line, these four included, then
 * the payload. `0000` is a flush, `0001` a delimiter, `0002` the end of a response.
 *
 *     "0006a\n"   a line with the payload "a\n"
 *     "0000"      flush
 */
import { GitError } from '../errors.ts';
import type { ByteReader } from './byte-reader.ts';

/** The longest line git sends or takes, header included. */
export const MAX_PKT_LINE = 65520;

/** What all lines of a request may take, in bytes; a pack comes behind them. */
const MAX_LINES_BYTES = 32 * 1024 * 1024;

export type PktLine = { type: 'data'; payload: Uint8Array } | { type: 'flush' } | { type: 'delim' };

/**
 * The next line, or undefined at the end of the input.
 * @throws GitError when the length is malformed, the input ends in the middle of a line, or there are too many lines
 */
export async function readPktLine(reader: ByteReader): Promise<PktLine | undefined> {
  if (reader.used > MAX_LINES_BYTES) {
    throw new GitError(`the lines of a request may take at most ${MAX_LINES_BYTES} bytes`);
  }
  if (!(await reader.fillTo(4))) {
    if (reader.available === 0) return undefined;
    throw new GitError('the remote end hung up unexpectedly');
  }
  const digits = Buffer.from(reader.take(4)).toString('latin1');
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
    throw new GitError(`protocol error: bad line length character: ${JSON.stringify(digits).slice(1, -1)}`);
  }
  const length = Number.parseInt(digits, 16);
  if (length === 0) return { type: 'flush' };
  if (length === 1) return { type: 'delim' };
  if (length < 4 || length > MAX_PKT_LINE) throw new GitError(`protocol error: bad line length ${length}`);
  if (!(await reader.fillTo(length - 4))) throw new GitError('the remote end hung up unexpectedly');
  return { type: 'data', payload: reader.take(length - 4) };
}

/** The payload as text, without the newline at its end. */
export function lineText(payload: Uint8Array): string {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

export const FLUSH = encode('0000');
export const DELIM = encode('0001');

/** A line of text, or of bytes. */
export function pktLine(payload: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(payload);
  const header = Buffer.from((bytes.length + 4).toString(16).padStart(4, '0'));
  return Buffer.concat([header, bytes]);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
