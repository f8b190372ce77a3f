import { dirname, resolve as joinPath, posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry, unpackTar } from 'modern-tar';
import type { Task } from '../task.ts';
import { fs } from '../tree.ts';
import type { Program } from './program.ts';

interface Options {
  mode: 'c' | 'x' | 't';
  /** `-` is standard input or output. */
  file: string;
  gzip: boolean;
  verbose: boolean;
  directory: string;
  strip: number;
  exclude: string[];
  names: string[];
}

/** The part of GNU tar that scripts use: `-c`, `-x`, `-t`, `-f`, `-z`, `-v`, `-C`, `--strip-components`, `--exclude`. */
export const tar: Program = {
  names: ['tar', 'gtar'],
  async run(task) {
    try {
      const options = parse(task.argv.slice(1));
      if (options.mode === 'c') await create(task, options);
      else await extract(task, options);
      return 0;
    } catch (error) {
      task.write(2, Buffer.from(`tar: ${error instanceof Error ? error.message : error}\n`));
      return 2;
    }
  },
};

function parse(words: string[]): Options {
  const options: Omit<Options, 'mode'> = {
    file: '-',
    gzip: false,
    verbose: false,
    directory: '.',
    strip: 0,
    exclude: [],
    names: [],
  };
  let mode: Options['mode'] | undefined;
  const rest = [...words];
  // `tar xzf archive`: the first word is options even without a dash.
  if (rest[0] !== undefined && !rest[0].startsWith('-')) rest[0] = `-${rest[0]}`;
  const nextWord = (option: string): string => {
    const value = rest.shift();
    if (value === undefined) throw new Error(`option ${option} needs a value`);
    return value;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('--')) {
      const [name = '', joined] = word.split(/=(.*)/s);
      const value = () => joined ?? nextWord(name);
      if (name === '--strip-components' || name === '--strip') options.strip = Number(value());
      else if (name === '--exclude') options.exclude.push(value());
      else if (name === '--directory') options.directory = value();
      else if (name === '--file') options.file = value();
      else if (name === '--extract') mode = 'x';
      else if (name === '--create') mode = 'c';
      else if (name === '--list') mode = 't';
      else if (name === '--gzip') options.gzip = true;
      else if (name === '--verbose') options.verbose = true;
      else if (!harmless.has(name)) throw new Error(`unknown option ${name}`);
    } else if (word.startsWith('-') && word !== '-') {
      for (const letter of word.slice(1)) {
        if (letter === 'c' || letter === 'x' || letter === 't') mode = letter;
        else if (letter === 'f') options.file = nextWord('-f');
        else if (letter === 'C') options.directory = nextWord('-C');
        else if (letter === 'z') options.gzip = true;
        else if (letter === 'v') options.verbose = true;
        else if (letter === 'j' || letter === 'J') throw new Error(`-${letter} is not supported: gzip is`);
        else if (!'pmokS'.includes(letter)) throw new Error(`unknown option -${letter}`);
      }
    } else options.names.push(word);
  }
  if (mode === undefined) throw new Error('one of -c, -x and -t must be given');
  return { ...options, mode };
}

/** Options about owners, times and warnings, which mean nothing in the machine. */
const harmless = new Set([
  '--no-same-owner',
  '--no-same-permissions',
  '--numeric-owner',
  '--preserve-permissions',
  '--touch',
  '--overwrite',
  '--warning',
]);

const matches = (path: string, pattern: string): boolean =>
  path === pattern ||
  path.startsWith(`${pattern}/`) ||
  posix.matchesGlob(path, pattern) ||
  posix.matchesGlob(posix.basename(path), pattern);

const plain = (name: string): string => posix.normalize(name).replace(/\/$/, '');

async function extract(task: Task, { mode, file, directory, strip, exclude, names, verbose }: Options): Promise<void> {
  const bytes =
    file === '-' ? await task.stdin.readAll() : (fs.readFileSync(joinPath(task.cwd, file), 'buffer') as Buffer);
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const root = joinPath(task.cwd, directory);
  if (!fs.existsSync(root)) throw new Error(`${directory}: Cannot open: No such file or directory`);
  const wanted = names.map(plain);
  for (const { header, data } of await unpackTar(zipped ? gunzip(bytes) : bytes)) {
    const name = plain(header.name.replace(/^\/+/, ''));
    if (wanted.length > 0 && !wanted.some((pattern) => matches(name, pattern))) continue;
    if (exclude.some((pattern) => matches(name, pattern))) continue;
    if (mode === 't' || verbose) task.write(1, Buffer.from(`${header.name}\n`));
    if (mode === 't') continue;
    if (name.split('/').includes('..')) throw new Error(`${header.name}: Member name contains '..'`);
    const path = name.split('/').slice(strip).join('/');
    if (path !== '' && path !== '.') place(joinPath(root, path), header, data, root, strip);
  }
}

/** As a stream: what is too much meets the machine's limit of memory, and not one of a single buffer. */
const gunzip = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));

type Header = TarEntry['header'];

function place(
  path: string,
  { type = 'file', mode = 0o644, linkname = '' }: Header,
  data: Uint8Array | undefined,
  root: string,
  strip: number,
): void {
  if (type === 'directory') {
    fs.mkdirSync(path, { recursive: true });
    return;
  }
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.rmSync(path, { force: true });
  if (type === 'symlink') fs.symlinkSync(linkname, path);
  else if (type === 'link') fs.linkSync(joinPath(root, plain(linkname).split('/').slice(strip).join('/')), path);
  else if (type === 'file') {
    fs.writeFileSync(path, data ?? new Uint8Array());
    fs.chmodSync(path, mode & 0o777);
  }
}

async function create(task: Task, { file, gzip, directory, exclude, names, verbose }: Options): Promise<void> {
  if (names.length === 0) throw new Error('Cowardly refusing to create an empty archive');
  const root = joinPath(task.cwd, directory);
  const entries: TarEntry[] = [];
  const visit = (name: string): void => {
    const path = joinPath(root, name);
    if (exclude.some((pattern) => matches(plain(name), pattern))) return;
    const stats = fs.lstatSync(path, { throwIfNoEntry: false });
    if (!stats) throw new Error(`${name}: Cannot stat: No such file or directory`);
    if (verbose) task.write(1, Buffer.from(`${name}\n`));
    if (stats.isSymbolicLink()) {
      entries.push({ header: { name, size: 0, type: 'symlink', linkname: String(fs.readlinkSync(path)) } });
    } else if (stats.isDirectory()) {
      entries.push({ header: { name: `${name.replace(/\/$/, '')}/`, size: 0, type: 'directory', mode: 0o755 } });
      for (const child of fs.readdirSync(path).map(String).sort()) visit(`${name.replace(/\/$/, '')}/${child}`);
    } else {
      const body = fs.readFileSync(path, 'buffer') as Buffer;
      entries.push({ header: { name, size: body.length, mode: stats.mode & 0o777 }, body });
    }
  };
  for (const name of names) visit(name);
  const archive = await packTar(entries);
  const bytes = gzip ? gzipSync(archive) : archive;
  if (file === '-') task.write(1, bytes);
  else fs.writeFileSync(joinPath(task.cwd, file), Buffer.from(bytes));
}
