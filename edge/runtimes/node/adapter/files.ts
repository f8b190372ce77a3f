import fs from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  allowNull();
}

/** workerd refuses options of streams that are null, which Node takes for none. */
function allowNull(): void {
  for (const name of ['createReadStream', 'createWriteStream'] as const) {
    const create = fs[name] as (path: unknown, options?: unknown) => unknown;
    const withoutNull = (options: unknown) =>
      typeof options === 'object' && options !== null
        ? Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null))
        : options;
    Object.assign(fs, { [name]: (path: unknown, options?: unknown) => create(path, withoutNull(options)) });
  }
}

/**
 * workerd keeps names as parts of URLs and lists them so: `a b.txt` as `a%20b.txt`. In the listing of a whole tree it
 * gives paths from the root, where Node gives those from the directory, or the name alone of a `Dirent`.
 */
function decodeNames(): void {
  const { readdirSync, readdir } = fs;
  const decode = ([path, options]: unknown[], entries: unknown): unknown => {
    if (!Array.isArray(entries)) return entries;
    const recursive = (options as { recursive?: boolean } | undefined)?.recursive === true;
    const directory = resolve(process.cwd(), path instanceof URL ? fileURLToPath(path.href) : String(path));
    return entries.map((entry) => {
      if (typeof entry === 'string') return decodeName(recursive ? relative(directory, `/${entry}`) : entry);
      if (typeof entry?.name === 'string') entry.name = decodeName(recursive ? basename(entry.name) : entry.name);
      if (recursive && typeof entry?.parentPath === 'string') entry.parentPath = decodeName(entry.parentPath);
      return entry;
    });
  };
  Object.assign(fs, {
    readdirSync: (...args: Parameters<typeof readdirSync>) => decode(args, readdirSync(...args)),
    readdir: (...args: unknown[]) => {
      const callback = args.pop() as (error: unknown, entries?: unknown) => void;
      return Reflect.apply(readdir, fs, [
        ...args,
        (error: unknown, entries: unknown) => callback(error, decode(args, entries)),
      ]);
    },
  });
  const { readdir: promised } = fs.promises;
  changePromises(fs, 'fs/promises', {
    readdir: async (...args: Parameters<typeof promised>) => decode(args, await promised(...args)),
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
