/**
 * The Go toolchain as WebAssembly: the compiler, the linker, the assembler and the go command, each built once from the
 * official release for `wasip1`, with the standard library compiled for the target of apps, `js/wasm`. The Go on this
 * host makes it, and fetches other releases through its module proxy, verified by their published hashes.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { BuildFailure } from '../../failure.ts';

const run = promisify(execFile);

/** What of a release runs in builds. */
const PROGRAMS = ['compile', 'link', 'asm', 'pack', 'go'] as const;

/** Counts up when what is made here changes. */
const FORM = 2;

/** Milliseconds that one step of making an image may take. */
const PATIENCE = 20 * 60_000;

/** A program runs alone on its files, and WASI has no locks. */
const NO_LOCKS = `//go:build !unix && !windows

package filelock

type lockType int8

const (
	readLock = iota + 1
	writeLock
)

func lock(File, lockType) error { return nil }
func unlock(File) error         { return nil }
`;

const imageForm = z.object({
  /** `1.26.1` */
  go: z.string(),
  /** SHA-256 of its programs. */
  id: z.string(),
});

export interface Image {
  go: string;
  id: string;
  directory: string;
  programs: Record<string, string>;
}

/**
 * The version of the Go on this host, as `1.26.1`.
 *
 * @throws BuildFailure where there is none
 */
export async function hostGo(): Promise<string> {
  try {
    const { stdout } = await run('go', ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } });
    return stdout.trim().replace(/^go/, '');
  } catch (cause) {
    throw new BuildFailure('This platform cannot build Go apps: there is no go command on its host.', {
      help: ['Its operator installs Go, and runs `npm run image -- go`.'],
      cause,
    });
  }
}

/** Where images are, below the directory of all that builds keep. */
export const imagesIn = (cache: string): string => join(cache, 'go', 'images');

/** The image of a version, if it was made. */
export async function findImage(images: string, go: string): Promise<Image | undefined> {
  const directory = join(images, `${go}-${FORM}`);
  const text = await readFile(join(directory, 'image.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const programs = Object.fromEntries(PROGRAMS.map((name) => [name, join(directory, 'bin', `${name}.wasm`)]));
  return { ...imageForm.parse(JSON.parse(text)), directory, programs };
}

/**
 * The image of a version, which is made when there is none; several at once get the same one.
 *
 * @param images where images are
 * @param go `1.26.1`
 * @param onMake called when it is to be made
 * @throws BuildFailure when this host cannot
 */
export async function makeImage(images: string, go: string, onMake: () => void): Promise<Image> {
  const made = await findImage(images, go);
  if (made) return made;
  onMake();
  const key = join(images, go);
  const making = underWay.get(key) ?? make(images, go).finally(() => underWay.delete(key));
  underWay.set(key, making);
  return making;
}

const underWay = new Map<string, Promise<Image>>();

async function make(images: string, go: string): Promise<Image> {
  await mkdir(images, { recursive: true });
  const work = await mkdtemp(join(images, '.making-'));
  try {
    await fill(work, go);
    const place = join(images, `${go}-${FORM}`);
    await rename(work, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const image = await findImage(images, go);
  if (!image) throw new Error(`The image of Go ${go} is not where it was made.`);
  return image;
}

async function fill(work: string, go: string): Promise<void> {
  const { stdout: root } = await run('go', ['env', 'GOROOT'], optionsOf({ GOTOOLCHAIN: `go${go}` })).catch((cause) => {
    const { stderr = '' } = cause as { stderr?: string };
    throw new BuildFailure(`Go ${go} cannot be had.`, { details: stderr.trim().split('\n'), cause });
  });
  // A release that the go command has fetched is among its modules, whose files no build may have others for.
  const goroot = join(work, 'release');
  await symlink(root.trim(), goroot);
  const tool: Go = (args, env) => run(join(goroot, 'bin/go'), args, optionsOf({ GOROOT: goroot, ...env }));
  await mkdir(join(work, 'bin'));
  const locks = 'src/cmd/go/internal/lockedfile/internal/filelock/filelock_other.go';
  await writeFile(join(work, 'filelock.go'), NO_LOCKS);
  const overlay = join(work, 'overlay.json');
  const replaced = { [join(goroot, locks)]: join(work, 'filelock.go'), ...(await socketOptions(goroot, work)) };
  await writeFile(overlay, JSON.stringify({ Replace: replaced }));
  const commands = PROGRAMS.map((name) => `cmd/${name}`);
  const build = ['build', '-trimpath', `-overlay=${overlay}`, '-ldflags=-s -w', '-o', join(work, 'bin'), ...commands];
  await tool(build, { GOOS: 'wasip1' });
  for (const name of PROGRAMS) await rename(join(work, 'bin', name), join(work, 'bin', `${name}.wasm`));
  await standardLibrary(tool, overlay, work);
  const kept = ['VERSION', 'go.env', 'src/go.mod', 'src/go.sum', 'src/vendor/modules.txt', 'lib/wasm/wasm_exec.js'];
  for (const name of kept) {
    if (!existsSync(join(goroot, name))) continue;
    await mkdir(dirname(join(work, 'goroot', name)), { recursive: true });
    await copyFile(join(goroot, name), join(work, 'goroot', name));
  }
  await cp(join(goroot, 'pkg/include'), join(work, 'goroot/pkg/include'), { recursive: true });
  for (const file of [goroot, overlay, ...Object.values(replaced)]) await rm(file);
  const hash = createHash('sha256').update(`${FORM}\n`);
  for (const name of PROGRAMS) hash.update(await readFile(join(work, 'bin', `${name}.wasm`)));
  await writeFile(join(work, 'image.json'), JSON.stringify({ go, id: hash.digest('hex') }));
}

/**
 * Options of TCP that a network in memory has no use for. It refuses them, and servers that set them on every connection
 * (Echo) end by that.
 *
 * @returns files of the standard library, to those that stand in for them
 */
async function socketOptions(goroot: string, work: string): Promise<Record<string, string>> {
  const replaced: Record<string, string> = {};
  for (const name of ['sockopt_fake.go', 'tcpsockopt_stub.go']) {
    const original = join(goroot, 'src/net', name);
    const text = await readFile(original, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const changed = text.replaceAll(
      /^(func set(?:KeepAlive|NoDelay)\w*\(.*\{\n\treturn )syscall\.ENOPROTOOPT$/gm,
      '$1nil',
    );
    replaced[original] = join(work, name);
    await writeFile(join(work, name), `${changed}\nvar _ = syscall.ENOPROTOOPT\n`);
  }
  return replaced;
}

const packageForm = z.object({
  ImportPath: z.string(),
  Name: z.string(),
  Imports: z.array(z.string()).optional(),
  Export: z.string().optional(),
});

type Go = (args: string[], env?: NodeJS.ProcessEnv) => Promise<{ stdout: string }>;

/**
 * Leaves every package compiled below `std/`, and below `goroot/src` one file for each, which says what it imports: that
 * is all that the go command looks for there.
 */
async function standardLibrary(tool: Go, overlay: string, work: string): Promise<void> {
  const list = ['list', '-trimpath', `-overlay=${overlay}`, '-export', '-json=ImportPath,Name,Imports,Export', 'std'];
  const { stdout } = await tool(list, { GOOS: 'js' });
  for (const found of parseList(stdout)) {
    const { ImportPath: path, Name: name, Imports: imports = [], Export: archive } = packageForm.parse(found);
    const lines = imports
      .filter((imported) => imported !== 'C')
      .map((imported) => `import _ ${JSON.stringify(imported.replace(/^vendor\//, ''))}\n`);
    await mkdir(join(work, 'goroot/src', path), { recursive: true });
    await writeFile(join(work, 'goroot/src', path, 'package.go'), `package ${name}\n${lines.join('')}`);
    if (!archive) continue;
    const place = join(work, 'std', `${path}.a`);
    await mkdir(dirname(place), { recursive: true });
    await copyFile(archive, place);
  }
}

/** Objects as `go list -json` prints them: one after the other. */
export function parseList(text: string): unknown[] {
  const objects = text.trim().replaceAll(/^\}\n\{$/gm, '},{');
  return JSON.parse(`[${objects}]`) as unknown[];
}

const optionsOf = (env: NodeJS.ProcessEnv) => ({
  // Outside of any module.
  cwd: '/',
  env: {
    ...process.env,
    GOTOOLCHAIN: 'local',
    GOARCH: 'wasm',
    CGO_ENABLED: '0',
    GOFLAGS: '',
    GOWORK: 'off',
    GO111MODULE: 'on',
    ...env,
  },
  maxBuffer: 256 * 1024 ** 2,
  timeout: PATIENCE,
});
