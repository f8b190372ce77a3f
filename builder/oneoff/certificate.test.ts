import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { keptCertificate, makeCertificate } from './certificate.ts';

/** What a client that trusts `ca` says of a server with this pair. */
async function handshake(pair: ReturnType<typeof makeCertificate>, ca: string, servername: string): Promise<string> {
  const server = createServer({ key: pair.key, cert: pair.certificate }, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ port, host: '127.0.0.1', servername, ca }, () => resolve('trusted'));
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  const outcome = await promise;
  socket.destroy();
  server.close();
  return outcome;
}

test('a client trusts it for its own names, and for no others', async () => {
  const pair = makeCertificate(['localhost', '127.0.0.1', '::1', 'api.apps.example.com']);
  expect(await handshake(pair, pair.certificate, 'localhost')).toBe('trusted');
  expect(await handshake(pair, pair.certificate, 'api.apps.example.com')).toBe('trusted');
  expect(await handshake(pair, pair.certificate, 'www.example.com')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
});

test('a client that trusts another does not trust it', async () => {
  const pair = makeCertificate(['localhost']);
  expect(await handshake(pair, makeCertificate(['localhost']).certificate, 'localhost')).not.toBe('trusted');
});

test('is kept, and made anew for other names or when it is damaged', () => {
  const directory = mkdtempSync(join(tmpdir(), 'islet-certificate-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const first = keptCertificate(directory, ['localhost', '::1']);
  expect(keptCertificate(directory, ['localhost', '::1'])).toEqual(first);
  const second = keptCertificate(directory, ['localhost', 'apps.example.com']);
  expect(second.key).not.toBe(first.key);
  writeFileSync(join(directory, 'rendezvous.crt'), 'not a certificate');
  expect(keptCertificate(directory, ['localhost']).certificate).toContain('BEGIN CERTIFICATE');
  expect(readFileSync(join(directory, 'rendezvous.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
});
