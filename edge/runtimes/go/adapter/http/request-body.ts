import type { Connection } from '../bridge.ts';

/** Bytes that are read of a body at once. By itself a stream would give 4 KiB. */
const AT_ONCE = 64 * 1024;

const encoder = new TextEncoder();
const LAST_CHUNK = encoder.encode('0\r\n\r\n');
const CHUNK_END = encoder.encode('\r\n');

/**
 * Sends a body as the app takes it.
 *
 * @param chunked whether in the chunked coding (RFC 9112, 7.1)
 * @returns whether all of it was sent
 */
export async function sendBody(body: ReadableStream, connection: Connection, chunked: boolean): Promise<boolean> {
  const reader = body.getReader({ mode: 'byob' });
  try {
    let buffer = new Uint8Array(AT_ONCE);
    for (;;) {
      const { done, value } = await reader.read(buffer);
      if (done) break;
      const part = chunked ? chunk(value) : value;
      if (!(await connection.write(part))) {
        await reader.cancel();
        return false;
      }
      buffer = new Uint8Array(value.buffer);
    }
    return chunked ? connection.write(LAST_CHUNK) : true;
  } catch {
    // The client is gone, and the app has to know.
    connection.close();
    return false;
  }
}

function chunk(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([encoder.encode(`${bytes.length.toString(16)}\r\n`), bytes, CHUNK_END]);
}
