/**
 * What crosses the border between the host and the machine, over one WebSocket.
 *
 * A text message is JSON: a `call`, or the `return` that answers it; both sides may call. A binary message is a frame:
 *
 *     channel  1 byte
 *     id       4 bytes, little-endian: the call it belongs to
 *     payload  the rest: output bytes, or a batch of tree entries
 *
 * A batch is the length of its header (4 bytes, little-endian), the header (JSON, one object an entry) and the contents
 * of its files one after the other.
 */

/** What a frame carries. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, files: 3 } as const;
export type Channel = (typeof channels)[keyof typeof channels];

export type Message =
  | { type: 'call'; id: number; method: string; params: unknown }
  | { type: 'return'; id: number; value?: unknown }
  | { type: 'return'; id: number; error: { message: string; code?: string } };

/** An entry of a file tree; `path` is absolute in the machine, or relative to a root both sides know. */
export type TreeEntry =
  | { type: 'file'; path: string; mode: number; content: Uint8Array }
  | { type: 'directory'; path: string; mode: number }
  | { type: 'symlink'; path: string; target: string }
  | { type: 'deleted'; path: string };

/** An entry on its way: a large file is followed by the rest of it. */
export type WireEntry = TreeEntry | { type: 'more'; path: string; content: Uint8Array };

/** How a command ended: by itself with a code, or by a signal. One of the two is null. */
export interface Exit {
  exitCode: number | null;
  signal: string | null;
}

/** Batches are closed at this many bytes of content, so that a message stays far from the limits of a WebSocket. */
const batchBytes = 1 << 20;
/** Longer contents travel in parts; workerd takes messages up to 32 MiB. */
const partBytes = 16 << 20;

export function encodeFrame(channel: Channel, id: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + payload.length);
  frame[0] = channel;
  new DataView(frame.buffer).setUint32(1, id, true);
  frame.set(payload, 5);
  return frame;
}

/** @throws RangeError when the frame is cut short */
export function decodeFrame(frame: Uint8Array): { channel: number; id: number; payload: Uint8Array } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  return { channel: view.getUint8(0), id: view.getUint32(1, true), payload: frame.subarray(5) };
}

/** Encodes entries as batches of about one megabyte, or of one part of a large file. */
export function* encodeEntries(entries: Iterable<TreeEntry>): Generator<Uint8Array> {
  let batch: WireEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    for (const part of parts(entry)) {
      batch.push(part);
      bytes += 64 + ('content' in part ? part.content.length : 0);
      if (bytes < batchBytes) continue;
      yield encodeBatch(batch);
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield encodeBatch(batch);
}

function* parts(entry: TreeEntry): Generator<WireEntry> {
  if (entry.type !== 'file' || entry.content.length <= partBytes) {
    yield entry;
    return;
  }
  const { path, content } = entry;
  yield { ...entry, content: content.subarray(0, partBytes) };
  for (let start = partBytes; start < content.length; start += partBytes) {
    yield { type: 'more', path, content: content.subarray(start, start + partBytes) };
  }
}

/** Bytes that belong to a call and are no file of the tree: entries in their order. */
export const bytesAsEntries = (bytes: readonly Uint8Array[]): TreeEntry[] =>
  bytes.map((content, at) => ({ type: 'file', path: String(at), mode: 0, content }));

function encodeBatch(entries: WireEntry[]): Uint8Array {
  const contents = entries.flatMap((entry) => ('content' in entry ? [entry.content] : []));
  const header = new TextEncoder().encode(
    JSON.stringify(entries.map((entry) => ('content' in entry ? { ...entry, content: entry.content.length } : entry))),
  );
  const batch = new Uint8Array(contents.reduce((sum, content) => sum + content.length, 4 + header.length));
  new DataView(batch.buffer).setUint32(0, header.length, true);
  batch.set(header, 4);
  let offset = 4 + header.length;
  for (const content of contents) {
    batch.set(content, offset);
    offset += content.length;
  }
  return batch;
}

/**
 * Decodes a batch. Contents are views of it.
 *
 * @throws TypeError or RangeError when it is malformed: the other side may be hostile
 */
export function decodeEntries(batch: Uint8Array): WireEntry[] {
  const headerLength = new DataView(batch.buffer, batch.byteOffset, batch.byteLength).getUint32(0, true);
  let offset = 4 + headerLength;
  const header: unknown = JSON.parse(new TextDecoder().decode(batch.subarray(4, offset)));
  if (!Array.isArray(header)) throw new TypeError('a batch has no list of entries');
  return header.map((fields: Record<string, unknown> | null): WireEntry => {
    const { type, path, mode, target, content } = fields ?? {};
    if (typeof path !== 'string') throw new TypeError('a tree entry has no path');
    if (type === 'deleted') return { type, path };
    if (type === 'symlink' && typeof target === 'string') return { type, path, target };
    if (type === 'directory' && typeof mode === 'number') return { type, path, mode };
    if ((type === 'file' || type === 'more') && typeof content === 'number' && content >= 0) {
      const bytes = batch.subarray(offset, offset + content);
      offset += content;
      if (offset > batch.length) throw new RangeError(`the content of ${JSON.stringify(path)} is cut short`);
      if (type === 'more') return { type, path, content: bytes };
      if (typeof mode === 'number') return { type, path, mode, content: bytes };
    }
    throw new TypeError(`the tree entry ${JSON.stringify(path)} is malformed`);
  });
}

/**
 * Adds entries to a list, with the parts of a large file put together.
 *
 * @throws TypeError when a part has no beginning
 */
export function collectEntries(list: TreeEntry[], entries: readonly WireEntry[]): void {
  for (const entry of entries) {
    if (entry.type !== 'more') {
      list.push(entry);
      continue;
    }
    const last = list.at(-1);
    if (last?.type !== 'file' || last.path !== entry.path) {
      throw new TypeError(`a part of ${JSON.stringify(entry.path)} came without its beginning`);
    }
    const content = new Uint8Array(last.content.length + entry.content.length);
    content.set(last.content);
    content.set(entry.content, last.content.length);
    last.content = content;
  }
}
