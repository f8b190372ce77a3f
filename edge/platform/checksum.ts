import * as z from 'zod';

/** The checksum of an archive as the Platform API has it: `SHA256:` and the hash in hex. */
export const checksum = z
  .string()
  .regex(/^SHA256:[0-9a-f]{64}$/i, 'must be SHA256: and the hash of the archive, 64 digits in hex');

/** The hash in a checksum, in lower case. */
export const hexOf = (value: string | null): string | null =>
  value === null ? null : value.slice('SHA256:'.length).toLowerCase();
