/** The programs of an app: what the go command finds in its tree, compiled and linked in the sandbox. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LimitError } from '../../../sandbox/index.ts';
import { BuildFailure } from '../../failure.ts';
import { machineOptions, overLimit } from '../../machine-options.ts';
import type { BuildContext } from '../buildpack.ts';
import { bridgeDirectory, bridgeImports, bridgePackages } from './bridge.ts';
import { Compiler } from './compile.ts';
import { linkerFlags } from './flags.ts';
import type { Image } from './image.ts';
import { findModule, GoCommand, places } from './packages.ts';
import { prefetch } from './prefetch.ts';
import { ModuleProxy } from './proxy.ts';
import { Toolchain } from './toolchain/index.ts';

/** A program of an app. */
export interface Program {
  /** `bin/<name>` on Heroku. */
  name: string;
  /** WebAssembly. */
  module: Buffer;
}

/**
 * Builds the programs that patterns name: `./cmd/...`.
 *
 * @throws BuildFailure with what the go command, the compiler or the linker says
 */
export async function buildPrograms(
  patterns: readonly string[],
  image: Image,
  context: BuildContext,
): Promise<Program[]> {
  const { tree, scratch, config, log, phase, signal } = context;
  const kept = join(dirname(context.cache), 'go');
  const modules = join(kept, 'modules', sourceOf(config));
  const archives = join(kept, 'archives');
  const output = join(scratch, 'go');
  for (const directory of [modules, archives, output]) await mkdir(directory, { recursive: true });
  const proxy = await ModuleProxy.open({ modules, answers: join(kept, 'answers', sourceOf(config)) }, context);
  const mounts = {
    [places.app]: tree,
    [places.goroot]: join(image.directory, 'goroot'),
    [places.standard]: join(image.directory, 'std'),
    [places.modules]: modules,
    [places.archives]: archives,
    [places.bridge]: bridgeDirectory,
    [places.output]: output,
  };
  const { limits = {} } = machineOptions(context);
  const find = (path: string) => findModule(path, proxy);
  const toolchain = new Toolchain({ programs: image.programs, mounts, output }, { find, limits, signal });
  try {
    const command = new GoCommand(toolchain, config);
    log.step('Determining packages to install');
    const mains = await phase('resolve', async () => {
      await prefetch(tree, proxy);
      return command.mainPackages(patterns);
    });
    if (mains.length === 0) {
      throw new BuildFailure(`There is no main package in ${patterns.join(' ')}.`, {
        help: ['Name the packages that are programs: `// +heroku install ./cmd/...` in go.mod.'],
      });
    }
    log.detail('Detected the following main packages to install:', ...mains.map((path) => `  ${path}`));
    const packages = await phase('install', () => command.packages([...mains, ...bridgeImports]));
    log.step(`Running: go install -v -tags heroku ${mains.join(' ')}`);
    const compiler = new Compiler({
      toolchain,
      image,
      packages: [...packages, ...bridgePackages()],
      archives,
      output,
      onHost: (path) => onHost(path, mounts),
      onCompile: (path) => log.detail(path),
    });
    await phase('commands', () => compiler.compile(mains));
    return await phase('bundle', () =>
      Promise.all(
        mains.map(async (path) => ({ name: binaryName(path), module: await compiler.link(path, linkerFlags(config)) })),
      ),
    );
  } catch (error) {
    if (error instanceof LimitError) throw overLimit(error);
    throw error;
  } finally {
    toolchain.close();
  }
}

/** Modules of an app's own proxy are kept apart: what it answers is no other app's concern. */
const sourceOf = ({ GOPROXY }: Readonly<Record<string, string>>): string =>
  GOPROXY === undefined ? 'default' : createHash('sha256').update(GOPROXY).digest('hex').slice(0, 32);

function onHost(path: string, mounts: Readonly<Record<string, string>>): string {
  for (const [place, directory] of Object.entries(mounts)) {
    if (path === place || path.startsWith(`${place}/`)) return directory + path.slice(place.length);
  }
  throw new RangeError(`Programs do not see ${path}.`);
}

/** The last part of an import path, or the one before a major version: `example.com/app/v2` is `app`. */
export function binaryName(path: string): string {
  const parts = path.split('/');
  const last = parts.pop() ?? path;
  return /^v\d+$/.test(last) ? (parts.pop() ?? last) : last;
}
