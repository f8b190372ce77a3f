import { connect, type Socket } from 'node:net';
import { deflateSync } from 'node:zlib';

/** Begins a push that creates `main`, and sends 6 MB of its pack: more than one part of an upload. The rest never comes. */
export function sendPart(url: string): Socket {
  const { pathname, port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  const line = `${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/main\0report-status`;
  const head = `${(line.length + 4).toString(16).padStart(4, '0')}${line}0000PACK\0\0\0\x02\0\0\0\x40`;
  socket.write(
    `POST ${pathname}/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n` +
      `Content-Type: application/x-git-receive-pack-request\r\n\r\n${head}`,
  );
  // Blobs of 256,000 bytes that are not compressed.
  for (let i = 0; i < 24; i++) {
    socket.write(Buffer.concat([Buffer.of(0xb0, 0x80, 0x7d), deflateSync(Buffer.alloc(256_000, i), { level: 0 })]));
  }
  return socket;
}
