/** The machine's tree as just-bash wants a file system. */
import { resolve as joinPath } from 'node:path';
import type { BufferEncoding, FsStat, IFileSystem } from 'just-bash/browser';
import { fs } from './tree.ts';

interface Stats {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  mode: number;
  size: number;
  mtime: Date;
  dev: number;
  ino: number;
}

export const encodingOf = (options?: { encoding?: BufferEncoding | null } | BufferEncoding): BufferEncoding =>
  (typeof options === 'string' ? options : options?.encoding) ?? 'utf8';

const describe = (stats: Stats): FsStat => ({
  isFile: stats.isFile(),
  isDirectory: stats.isDirectory(),
  isSymbolicLink: stats.isSymbolicLink(),
  mode: stats.mode,
  size: stats.size,
  mtime: stats.mtime,
  dev: stats.dev,
  ino: stats.ino,
});

export const bytesOf = (content: string | Uint8Array, encoding: BufferEncoding): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content, encoding) : content;

export const shellFs: IFileSystem = {
  readFile: async (path, options) => fs.readFileSync(path, 'buffer').toString(encodingOf(options)),
  readFileBuffer: async (path) => new Uint8Array(fs.readFileSync(path, 'buffer') as Buffer),
  writeFile: async (path, content, options) => {
    if (path !== '/dev/null') fs.writeFileSync(path, bytesOf(content, encodingOf(options)));
  },
  appendFile: async (path, content, options) => {
    if (path !== '/dev/null') fs.appendFileSync(path, Buffer.from(bytesOf(content, encodingOf(options))));
  },
  exists: async (path) => fs.existsSync(path),
  stat: async (path) => describe(fs.statSync(path) as Stats),
  lstat: async (path) => describe(fs.lstatSync(path) as Stats),
  mkdir: async (path, options) => {
    fs.mkdirSync(path, options);
  },
  readdir: async (path) => fs.readdirSync(path).map(String).sort(),
  readdirWithFileTypes: async (path) =>
    (fs.readdirSync(path, { withFileTypes: true }) as unknown as import('node:fs').Dirent[])
      .map((entry) => ({
        name: entry.name,
        isFile: entry.isFile(),
        isDirectory: entry.isDirectory(),
        isSymbolicLink: entry.isSymbolicLink(),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  rm: async (path, options) => {
    if (options?.recursive !== true && fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) fs.rmdirSync(path);
    else fs.rmSync(path, options);
  },
  cp: async (source, target, options) => fs.cpSync(source, target, options),
  mv: async (source, target) => fs.renameSync(source, target),
  resolvePath: (base, path) => joinPath(base, path),
  getAllPaths: () => [],
  chmod: async (path, mode) => fs.chmodSync(path, mode),
  symlink: async (target, path) => fs.symlinkSync(target, path),
  link: async (existing, path) => fs.linkSync(existing, path),
  readlink: async (path) => String(fs.readlinkSync(path)),
  realpath: async (path) => String(fs.realpathSync(path)),
  utimes: async (path, atime, mtime) => fs.utimesSync(path, atime, mtime),
};
