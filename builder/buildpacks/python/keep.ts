import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file of a cache. It appears whole, by one rename. */
export async function keep(place: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  const temporary = `${place}.${randomUUID()}`;
  await writeFile(temporary, bytes);
  await rename(temporary, place);
}
