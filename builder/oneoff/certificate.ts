/**
 * A certificate for this machine's own names, signed by itself: X.509 version 3 (RFC 5280) in DER (ITU-T X.690), as far
 * as one such certificate needs them. Node makes keys and signatures, and no certificates.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

export interface KeyPair {
  /** PEM */
  key: string;
  /** PEM */
  certificate: string;
}

const DAY_MS = 86_400_000;
const VALID_DAYS = 3650;

/**
 * The certificate of a directory, made where it has none for these names that is valid for a month.
 *
 * @param names host names and addresses
 */
export function keptCertificate(directory: string, names: readonly string[]): KeyPair {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [keyFile, certificateFile] = [join(directory, 'rendezvous.key'), join(directory, 'rendezvous.crt')];
  try {
    const pair = { key: readFileSync(keyFile, 'utf8'), certificate: readFileSync(certificateFile, 'utf8') };
    if (isGood(pair, names)) return pair;
  } catch {
    // There is none yet, or half of one.
  }
  const pair = makeCertificate(names);
  writeFileSync(keyFile, pair.key, { mode: 0o600 });
  writeFileSync(certificateFile, pair.certificate, { mode: 0o644 });
  return pair;
}

function isGood({ key, certificate }: KeyPair, names: readonly string[]): boolean {
  const x509 = new X509Certificate(certificate);
  const covers = (name: string) => (isIP(name) ? x509.checkIP(name) : x509.checkHost(name)) !== undefined;
  return (
    x509.checkPrivateKey(createPrivateKey(key)) &&
    Date.parse(x509.validTo) > Date.now() + 30 * DAY_MS &&
    names.every(covers)
  );
}

/** Makes a key on the curve P-256 and a certificate for it. */
export function makeCertificate(names: readonly string[]): KeyPair {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('Islet rendezvous')))));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const certificate = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + VALID_DAYS * DAY_MS)),
    name,
    publicKey,
    der(0xa3, sequence(extension([0x55, 0x1d, 0x11], sequence(...names.map(alternativeName))), authority())),
  );
  const signature = sign('sha256', certificate, privateKey);
  const whole = sequence(certificate, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

/** Tag, length, contents. */
function der(tag: number, contents: Buffer): Buffer {
  const { length } = contents;
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  return Buffer.concat([Buffer.of(tag, ...(length < 0x80 ? [length] : long)), contents]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts));

const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes));

/** UTCTime, as before 2050: `261123090000Z`. */
const time = (at: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/\D/g, '')}Z`));

const extension = (id: number[], value: Buffer, ...critical: Buffer[]): Buffer =>
  sequence(oid(...id), ...critical, der(0x04, value));

/** It is its own authority: only so does a client take it among those that it trusts. */
const authority = (): Buffer =>
  extension([0x55, 0x1d, 0x13], sequence(der(0x01, Buffer.of(0xff))), der(0x01, Buffer.of(0xff)));

function alternativeName(name: string): Buffer {
  if (!isIP(name)) return der(0x82, Buffer.from(name));
  return der(0x87, addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
