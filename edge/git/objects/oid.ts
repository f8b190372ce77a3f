/** An object's name: its SHA-1 as 40 lower-case hexadecimal digits. */
export type Oid = string;

/** Bytes of a binary object name, as trees, packs and indexes hold it. */
export const OID_BYTES = 20;

/** What stands for "no object" in a ref update. */
export const ZERO_OID: Oid = '0'.repeat(40);

export const isOid = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** The name that stands in binary at `at`. */
export function oidAt(bytes: Uint8Array, at = 0): Oid {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, OID_BYTES).toString('hex');
}

export function oidBytes(oid: Oid): Uint8Array {
  return Buffer.from(oid, 'hex');
}
