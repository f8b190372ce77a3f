/**
 * Compiles packages and links programs, as `go build` does: each package by one run of the compiler, what needs it after
 * it, some at once. Archives of packages are kept between builds and shared by apps, under a hash of all that made them.
 */
import { createHash, type Hash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { BRIDGE } from './bridge.ts';
import { embedConfig } from './embed.ts';
import type { Image } from './image.ts';
import { type Package, places, toolEnvironment } from './packages.ts';
import { readSum } from './proxy.ts';
import type { Run, Toolchain, ToolResult } from './toolchain/index.ts';

/** Counts up when packages are compiled in another way. */
const FORM = 1;

/** Of a module whose go.mod names no version ("go directive", Go Modules Reference). */
const OLDEST = '1.16';

/**
 * GOGC of the compiler, whose own way to set it waits for a thread beside it: there is none, and its memory would grow
 * without bounds. A large package takes 1 GiB by this, and 2 by twice as much.
 */
const GC_PERCENT = '50';

/** What links the bridge into each program. */
const BRIDGE_IMPORT = '/islet/main.go';

/** What became of the packages of an app. */
export interface Compiled {
  /** Packages that were not kept from an earlier build. */
  compiled: number;
  total: number;
}

interface CompilerOptions {
  toolchain: Toolchain;
  image: Image;
  packages: readonly Package[];
  /** Where archives are kept between builds. */
  archives: string;
  /** Where programs leave what they make. */
  output: string;
  /** A path of this host for a path that programs see. */
  onHost: (path: string) => string;
  /** Tells a package that is being compiled. */
  onCompile: (path: string) => void;
}

export class Compiler {
  readonly #options: CompilerOptions;
  readonly #packages: ReadonlyMap<string, Package>;
  readonly #keys = new Map<string, Promise<string>>();
  #compiled = 0;

  constructor(options: CompilerOptions) {
    this.#options = options;
    const { packages } = options;
    this.#packages = new Map(packages.filter(({ Standard }) => !Standard).map((found) => [found.ImportPath, found]));
  }

  /**
   * Compiles main packages with all that they need.
   *
   * @throws BuildFailure with the compiler's messages
   */
  async compile(paths: readonly string[]): Promise<Compiled> {
    await Promise.all(paths.map((path) => this.#archive(path)));
    return { compiled: this.#compiled, total: this.#packages.size };
  }

  /**
   * Links a program.
   *
   * @param path of its main package, which was compiled
   * @param flags for the linker: `-X=main.version=1`
   * @returns the module: WebAssembly
   * @throws BuildFailure with the linker's messages
   */
  async link(path: string, flags: readonly string[]): Promise<Buffer> {
    const main = this.#packages.get(path);
    const key = await this.#archive(path);
    const lines = [...this.#packages.keys()].map(
      async (name) => `packagefile ${name}=${archivePath(await this.#archive(name))}`,
    );
    const debug = main?.DefaultGODEBUG ? [`-X=runtime.godebugDefault=${main.DefaultGODEBUG}`] : [];
    const name = `${key}.wasm`;
    const result = await this.#run({
      program: 'link',
      argv: [
        ...['link', '-o', '/program', '-importcfg', '/importcfg', '-buildmode=exe', '-s', '-w', '-checklinkname=0'],
        ...[...debug, ...flags, archivePath(key)],
      ],
      files: { '/importcfg': `${(await Promise.all(lines)).join('\n')}\n${this.#standard()}${moduleInfo(main)}` },
      outputs: { '/program': name },
    });
    if (result.exitCode !== 0) throw failure(`The program of ${path} cannot be linked.`, path, result);
    return readFile(join(this.#options.output, name));
  }

  /** Compiles a package, unless its archive is there. @returns its key */
  #archive(path: string): Promise<string> {
    const known = this.#keys.get(path) ?? this.#make(path);
    this.#keys.set(path, known);
    return known;
  }

  async #make(path: string): Promise<string> {
    const found = this.#packages.get(path);
    if (!found) throw new Error(`There is no package ${path}.`);
    const own = importsOf(found).filter((name) => this.#packages.has(name));
    const imports = new Map(await Promise.all(own.map(async (name) => [name, await this.#archive(name)] as const)));
    const key = await this.#key(found, imports);
    const place = join(this.#options.archives, key.slice(0, 2), `${key}.a`);
    if (await exists(place)) return key;
    this.#compiled += 1;
    this.#options.onCompile(path);
    await this.#compile(found, key, imports);
    await mkdir(dirname(place), { recursive: true });
    const copy = `${place}.${process.pid}-${this.#compiled}`;
    await copyFile(join(this.#options.output, `${key}.a`), copy);
    await rename(copy, place);
    return key;
  }

  async #compile(found: Package, key: string, imports: ReadonlyMap<string, string>): Promise<void> {
    const { ImportPath: path, Name: name, Dir: directory, GoFiles, SFiles, ImportMap, EmbedFiles } = found;
    const main = name === 'main';
    const output = (kind: string) => `${places.output}/${key}.${kind}`;
    const symbols = SFiles.length === 0 ? undefined : await this.#symbols(found, key);
    const files: Record<string, string> = {
      '/importcfg': [
        ...Object.entries(ImportMap).map(([from, to]) => `importmap ${from}=${to}\n`),
        ...[...imports].map(([dependency, of]) => `packagefile ${dependency}=${archivePath(of)}\n`),
        this.#standard(),
      ].join(''),
    };
    if (EmbedFiles.length > 0) files['/embedcfg'] = embedConfig(directory, found.EmbedPatterns, EmbedFiles);
    if (main) files[BRIDGE_IMPORT] = `package main\n\nimport _ ${JSON.stringify(BRIDGE)}\n`;
    const result = await this.#run({
      program: 'compile',
      argv: [
        ...['compile', '-o', '/package.a', '-p', main ? 'main' : path, `-lang=${language(found)}`, '-pack'],
        ...['-importcfg', '/importcfg', '-trimpath', trimmed(found)],
        ...(symbols ? ['-symabis', output('symabis'), '-asmhdr', '/go_asm.h'] : ['-complete']),
        ...(files['/embedcfg'] === undefined ? [] : ['-embedcfg', '/embedcfg']),
        ...GoFiles.map((file) => `${directory}/${file}`),
        ...(main ? [BRIDGE_IMPORT] : []),
      ],
      files,
      outputs: { '/package.a': `${key}.a`, ...(symbols && { '/go_asm.h': `${key}.h` }) },
    });
    if (result.exitCode !== 0) throw await this.#compileFailure(found, result);
    if (symbols) await this.#assemble(found, key);
  }

  /** What the assembly of a package defines, which the compiler is told. */
  async #symbols({ ImportPath: path, Dir: directory, SFiles }: Package, key: string): Promise<true> {
    const result = await this.#run({
      program: 'asm',
      argv: [
        ...['asm', '-p', path, '-gensymabis', '-o', '/symabis', ...assemblerFlags(directory)],
        ...SFiles.map((file) => `${directory}/${file}`),
      ],
      files: { '/go_asm.h': '' },
      outputs: { '/symabis': `${key}.symabis` },
    });
    if (result.exitCode !== 0) throw failure(`The package ${path} cannot be assembled.`, path, result);
    return true;
  }

  async #assemble({ ImportPath: path, Dir: directory, SFiles }: Package, key: string): Promise<void> {
    const { output } = this.#options;
    const header = await readFile(join(output, `${key}.h`), 'utf8');
    const objects: string[] = [];
    for (const [index, file] of SFiles.entries()) {
      const name = `${key}.${index}.o`;
      const argv = ['asm', '-p', path, '-o', '/object', ...assemblerFlags(directory), `${directory}/${file}`];
      const outputs = { '/object': name };
      const result = await this.#run({ program: 'asm', argv, files: { '/go_asm.h': header }, outputs });
      if (result.exitCode !== 0) throw failure(`The package ${path} cannot be assembled.`, path, result);
      objects.push(`${places.output}/${name}`);
    }
    // The archive that is added to has to be the program's own.
    const archive = `${places.output}/${key}.a`;
    const result = await this.#run({
      program: 'pack',
      argv: ['pack', 'r', archive, ...objects],
      owned: [archive],
      outputs: { [archive]: `${key}.a` },
    });
    if (result.exitCode !== 0) throw failure(`The package ${path} cannot be packed.`, path, result);
  }

  #run(run: Run): Promise<ToolResult> {
    return this.#options.toolchain.run({
      ...run,
      env: { ...toolEnvironment, GOGC: GC_PERCENT },
      files: { '/tmp/.keep': '', ...run.files },
    });
  }

  /** Lines for all packages of the standard library that the app uses. */
  #standard(): string {
    return this.#options.packages
      .filter(({ Standard, ImportPath }) => Standard && ImportPath !== 'unsafe')
      .map(({ ImportPath }) => `packagefile ${ImportPath}=${places.standard}/${ImportPath}.a\n`)
      .join('');
  }

  /** A hash of all that makes an archive what it is. */
  async #key(found: Package, imports: ReadonlyMap<string, string>): Promise<string> {
    const { Dir: directory, GoFiles, SFiles, EmbedFiles, EmbedPatterns, Module: module, Name, ImportPath } = found;
    const hash = createHash('sha256');
    const { image } = this.#options;
    const told = [FORM, image.id, ImportPath, Name, language(found), trimmed(found), EmbedPatterns];
    const names = [...GoFiles, ...SFiles, ...EmbedFiles];
    hash.update(JSON.stringify([told, names, [...imports], Object.entries(found.ImportMap)]));
    const sum = module?.Dir?.startsWith(`${places.modules}/`)
      ? await readSum(this.#options.onHost(module.Dir))
      : undefined;
    if (sum) hash.update(`${sum}\n${directory.slice(module?.Dir?.length)}`);
    else await addFiles(hash, this.#options.onHost(directory), names);
    return hash.digest('hex');
  }

  async #compileFailure(found: Package, result: ToolResult): Promise<BuildFailure> {
    const { ImportPath: path, Dir: directory, IgnoredGoFiles } = found;
    const reason = `The package ${path} does not compile.`;
    for (const name of IgnoredGoFiles) {
      const text = await readFile(join(this.#options.onHost(directory), name), 'utf8').catch(() => '');
      if (!/^\s*import\s+"C"|^\s*"C"\s*$/m.test(text)) continue;
      return failure(reason, path, result, [
        `The package ${path} uses cgo (in ${name}), and apps are built without it:`,
        'there is no C compiler here. Use a package that is written in Go alone.',
      ]);
    }
    return failure(reason, path, result);
  }
}

/** As the go command prints what a tool says: under the package's name, with paths from the app's root. */
function failure(
  reason: string,
  path: string,
  { stdout, stderr }: ToolResult,
  help: readonly string[] = [],
): BuildFailure {
  const said = `${stdout}${stderr}`
    .trim()
    .replaceAll(new RegExp(`^${places.app}/([^/:]+:)`, 'gm'), './$1')
    .replaceAll(`${places.app}/`, '')
    .replaceAll(`${places.modules}/`, '');
  return new BuildFailure(reason, { details: [`# ${path}`, ...said.split('\n')], help });
}

async function addFiles(hash: Hash, directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const content = await readFile(join(directory, name));
    hash.update(`${content.length}\n`).update(content);
  }
}

const importsOf = ({ Name, Imports, ImportMap }: Package): string[] => [
  ...Imports.map((name) => ImportMap[name] ?? name),
  ...(Name === 'main' ? [BRIDGE] : []),
];

const archivePath = (key: string): string => `${places.archives}/${key.slice(0, 2)}/${key}.a`;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** `go1.24`, of the version that the module's go.mod names. */
function language({ Module: module }: Package): string {
  const [version = OLDEST] = /^\d+\.\d+/.exec(module?.GoVersion ?? OLDEST) ?? [];
  return `go${version}`;
}

/** How paths of a package's files stand in its program: those of the app itself as they are there when it runs. */
function trimmed({ Dir: directory, ImportPath: path, Module: module }: Package): string {
  if (!module?.Dir?.startsWith(`${places.modules}/`)) return '';
  const { Version: version } = module.Replace ?? module;
  return `${directory}=>${module.Path}@${version ?? ''}${path.slice(module.Path.length)}`;
}

const assemblerFlags = (directory: string): string[] => [
  ...['-I', '/', '-I', directory, '-I', `${places.goroot}/pkg/include`],
  ...['-D', 'GOOS_js', '-D', 'GOARCH_wasm'],
];

/** What `runtime/debug.ReadBuildInfo` tells, between the marks that it is found by. */
function moduleInfo(main: Package | undefined): string {
  if (!main?.Module) return '';
  const text = [
    `path\t${main.ImportPath}\n`,
    `mod\t${main.Module.Path}\t${main.Module.Version ?? '(devel)'}\t\n`,
    ...['-compiler=gc', 'CGO_ENABLED=0', 'GOARCH=wasm', 'GOOS=js'].map((setting) => `build\t${setting}\n`),
  ].join('');
  const [start, end] = ['3077af0c9274080241e1c107e6d618e6', 'f932433186182072008242104116d8f2'];
  const quoted = [...Buffer.from(text)].map((byte) =>
    byte < 32 || byte === 34 || byte === 92 ? hex(byte) : String.fromCharCode(byte),
  );
  const mark = (bytes: string) => bytes.replaceAll(/../g, '\\x$&');
  return `modinfo "${mark(start)}${quoted.join('')}${mark(end)}"\n`;
}

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
