import fs from 'node:fs';
import { dirname } from 'node:path';
import { unpackTar } from 'modern-tar';
import { appRoot } from '../../../../schema/app-root.ts';
import { changePromises } from './promises.ts';

const FILES = 'files/';

/** Writes the slug's tree to appRoot, every file dated `date` (milliseconds since 1970), as a build leaves it. */
export async function unpackTree(archive: ReadableStream<Uint8Array>, date: number): Promise<void> {
  const entries = await unpackTar(archive, { filter: ({ name }) => name.startsWith(FILES) });
  const modified = new Date(date);
  const made = new Set<string>();
  fs.mkdirSync(appRoot, { recursive: true });
  for (const { header, data } of entries) {
    const path = `${appRoot}/${header.name.slice(FILES.length)}`;
    const directory = dirname(path);
    if (!made.has(directory)) {
      fs.mkdirSync(directory, { recursive: true });
      made.add(directory);
    }
    fs.writeFileSync(path, data ?? new Uint8Array());
    fs.utimesSync(path, modified, modified);
  }
  decodeNames();
}

/** workerd keeps names as parts of URLs and lists them so: `a b.txt` as `a%20b.txt`. */
function decodeNames(): void {
  const { readdirSync, readdir } = fs;
  const decode = (entries: unknown): unknown => {
    if (!Array.isArray(entries)) return entries;
    return entries.map((entry) => {
      if (typeof entry === 'string') return decodeName(entry);
      if (typeof entry?.name === 'string') entry.name = decodeName(entry.name);
      return entry;
    });
  };
  Object.assign(fs, {
    readdirSync: (...args: Parameters<typeof readdirSync>) => decode(readdirSync(...args)),
    readdir: (...args: unknown[]) => {
      const callback = args.pop() as (error: unknown, entries?: unknown) => void;
      return Reflect.apply(readdir, fs, [
        ...args,
        (error: unknown, entries: unknown) => callback(error, decode(entries)),
      ]);
    },
  });
  const { readdir: promised } = fs.promises;
  changePromises(fs, 'fs/promises', {
    readdir: async (...args: Parameters<typeof promised>) => decode(await promised(...args)),
  });
}

/** A name as workerd lists it, as it is. */
export function decodeName(name: string): string {
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
