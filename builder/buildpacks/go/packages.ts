/** What the go command says of the packages of an app: `go list`, run in the sandbox over the app's tree. */
import * as z from 'zod';
import { appRoot } from '../../../schema/app-root.ts';
import { BuildFailure } from '../../failure.ts';
import { parseList } from './image.ts';
import type { ModuleProxy } from './proxy.ts';
import { readSum } from './proxy.ts';
import type { Found, Toolchain } from './toolchain/index.ts';

/** Where programs of the toolchain see things. */
export const places = {
  app: appRoot,
  goroot: '/goroot',
  standard: '/std',
  modules: '/gopath/pkg/mod',
  archives: '/archives',
  bridge: '/islet/bridge',
  output: '/output',
} as const;

/** What apps are built with on Heroku, too. */
const TAGS = 'heroku';

const packageForm = z.object({
  ImportPath: z.string(),
  Name: z.string(),
  Dir: z.string(),
  Standard: z.boolean().default(false),
  DepOnly: z.boolean().default(false),
  GoFiles: z.array(z.string()).default([]),
  SFiles: z.array(z.string()).default([]),
  IgnoredGoFiles: z.array(z.string()).default([]),
  EmbedPatterns: z.array(z.string()).default([]),
  EmbedFiles: z.array(z.string()).default([]),
  Imports: z.array(z.string()).default([]),
  ImportMap: z.record(z.string(), z.string()).default({}),
  DefaultGODEBUG: z.string().optional(),
  Module: z
    .object({
      Path: z.string(),
      Version: z.string().optional(),
      Main: z.boolean().default(false),
      GoVersion: z.string().optional(),
      Dir: z.string().optional(),
      Replace: z.object({ Path: z.string(), Version: z.string().optional() }).optional(),
    })
    .optional(),
});

/** A package, in the go command's own words (`go help list`). */
export type Package = z.infer<typeof packageForm>;

/** The environment of every program of the toolchain. */
export const toolEnvironment = {
  GOROOT: places.goroot,
  GOOS: 'js',
  GOARCH: 'wasm',
  CGO_ENABLED: '0',
  TMPDIR: '/tmp',
  HOME: '/tmp',
  PWD: places.app,
};

export class GoCommand {
  readonly #toolchain: Toolchain;
  readonly #config: Readonly<Record<string, string>>;

  /** @param config the app's config vars, of which GOFLAGS, GOPRIVATE and the like count */
  constructor(toolchain: Toolchain, config: Readonly<Record<string, string>>) {
    this.#toolchain = toolchain;
    this.#config = config;
  }

  /** Import paths of the main packages among those that patterns name: `./cmd/...`. */
  async mainPackages(patterns: readonly string[]): Promise<string[]> {
    const found = await this.#list(['-find', '-json=ImportPath,Name,Dir', '--', ...patterns]);
    return found.filter(({ Name }) => Name === 'main').map(({ ImportPath }) => ImportPath);
  }

  /** Packages, and all that they need, what is needed before what needs it. */
  async packages(paths: readonly string[]): Promise<Package[]> {
    return this.#list(['-deps', `-json=${Object.keys(packageForm.shape).join(',')}`, '--', ...paths]);
  }

  async #list(args: readonly string[]): Promise<Package[]> {
    const { GOFLAGS = '', GOPRIVATE = '', GOWORK = '', GOEXPERIMENT = '' } = this.#config;
    const { exitCode, stdout, stderr } = await this.#toolchain.run({
      program: 'go',
      argv: ['go', 'list', `-tags=${tagsOf(GOFLAGS)}`, ...args],
      env: {
        ...toolEnvironment,
        GOPATH: '/gopath',
        GOMODCACHE: places.modules,
        GOCACHE: '/tmp/cache',
        GOPROXY: 'file:///proxy',
        // Hashes are those of go.sum, without which the go command takes no module.
        GOSUMDB: 'off',
        GONOSUMDB: '*',
        GOENV: 'off',
        // An index of every module's files pays when it is kept, and this cache is gone when the program ends.
        GODEBUG: 'goindex=0',
        GOTOOLCHAIN: 'local',
        GOVCS: '*:off',
        GOFLAGS,
        GOPRIVATE,
        // Private modules come by the proxy as well.
        GONOPROXY: 'none',
        GOWORK,
        GOEXPERIMENT,
      },
      files: { '/tmp/.keep': '' },
      wants: [PROXY_FILE, MODULE, MODULE_FILE],
    });
    if (exitCode !== 0) throw listFailure(stderr);
    return parseList(stdout).map((found) => packageForm.parse(found));
  }
}

/** What the go command asks a proxy for: `<module>/@v/list`. */
const PROXY_FILE = /^proxy\/(.+\/@(?:v\/.+|latest))$/;

/** The directory of a module: `<module>@<version>`. */
const MODULE = /^gopath\/pkg\/mod\/(?!cache\/)([^@]+@[^/@]+)$/;

/** What the go command keeps of a module beside its files. */
const MODULE_FILE = /^gopath\/pkg\/mod\/cache\/download\/(.+)\/@v\/([^/]+)\.(info|mod|ziphash)$/;

/**
 * Gets what the go command looks for and is not there.
 *
 * @param path relative to the root
 */
export async function findModule(path: string, proxy: ModuleProxy): Promise<Found> {
  const answer = PROXY_FILE.exec(path)?.[1];
  if (answer !== undefined) return fileOf(await proxy.file(answer));
  const name = MODULE.exec(path)?.[1];
  const [, of = '', version = '', kind] = MODULE_FILE.exec(path) ?? [];
  if (kind === 'mod' || kind === 'info') return fileOf(await proxy.file(`${of}/@v/${version}.${kind}`));
  const directory = await proxy.module(name ?? `${of}@${version}`);
  if (directory === undefined || name !== undefined) return directory === undefined ? null : { directory };
  return fileOf(await readSum(directory));
}

const fileOf = (content: Buffer | string | undefined): Found =>
  content === undefined ? null : { file: Buffer.from(content) };

/** Tags of GOFLAGS stand beside Heroku's own: of two `-tags`, only the last would count. */
function tagsOf(flags: string): string {
  const [, given] = /(?:^|\s)--?tags=(\S+)/.exec(flags) ?? [];
  return given === undefined ? TAGS : `${TAGS},${given}`;
}

function listFailure(stderr: string): BuildFailure {
  const details = stderr
    .trim()
    .replaceAll('file:///proxy/', '')
    .split('\n')
    .filter((line) => !line.startsWith('go: downloading '));
  if (/build constraints exclude all Go files/.test(stderr)) {
    return new BuildFailure('A package of this app has no Go files for WebAssembly.', {
      details,
      help: [
        'Apps are built with GOOS=js, GOARCH=wasm and without cgo. The package named above is for other systems,',
        'or needs cgo: use one that is written in Go alone.',
      ],
    });
  }
  return new BuildFailure('The go command could not load the packages of this app.', { details });
}
