import { BuildFailure } from '../../failure.ts';

/** What depends on what, by a lockfile that does not say where in `node_modules` things stand. */
export interface PackageGraph {
  /** By an id of the lockfile's own. */
  packages: ReadonlyMap<string, GraphPackage>;
  /** The app and its workspaces, by directory relative to the root: `''`, `packages/a`. */
  importers: ReadonlyMap<string, Importer>;
}

/** From the name that code requires to an id, or to `link:<directory>` for a workspace. */
export type Edges = Readonly<Record<string, string>>;

export interface GraphPackage {
  name: string;
  version: string;
  integrity?: string | undefined;
  resolved?: string | undefined;
  os?: string[] | undefined;
  cpu?: string[] | undefined;
  libc?: string[] | undefined;
  dependencies: Edges;
  optionalDependencies: Edges;
}

export interface Importer {
  dependencies: Edges;
  devDependencies: Edges;
  optionalDependencies: Edges;
}

/** What package.json and a lockfile say of one direct dependency; null where one of them does not have it. */
export interface Declared {
  name: string;
  wanted: string;
  locked: string | undefined;
}

/**
 * Checks that a lockfile was made for the package.json that stands beside it.
 *
 * @throws BuildFailure that names what is different
 */
export function checkDeclared(declared: readonly Declared[], lockfile: string, command: string): void {
  const problems = declared.flatMap(({ name, wanted, locked }) => {
    if (locked === wanted) return [];
    return locked === undefined
      ? [`Missing: ${name}@${wanted} from lock file`]
      : [`Invalid: lock file has ${name}@${locked}, package.json has ${name}@${wanted}`];
  });
  if (problems.length === 0) return;
  throw new BuildFailure(`package.json and ${lockfile} are not in sync.`, {
    details: problems,
    help: [`Run \`${command}\` and commit ${lockfile}.`],
  });
}

/** The platforms that packages of binaries carry in their names, for lockfiles that do not say more. */
const platformName = /(^|[-/])(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)(-|$)/;

/** Whether an optional package has, by its name, nothing but a binary for a platform. */
export function isPlatformBinary(name: string): boolean {
  return platformName.test(name) && /-(x64|arm64|arm|ia32|ppc64|riscv64|s390x|loong64|mips64el|universal)/.test(name);
}
