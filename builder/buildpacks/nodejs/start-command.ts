/**
 * Finds out which file a start command runs. There is no process that could run the command itself: the file's bundle
 * becomes the process type.
 */
import { readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import normalizeBin from 'npm-normalize-package-bin';
import { parseCommandLine } from '../../command-line.ts';
import { BuildFailure } from '../../failure.ts';
import { isInside } from '../../paths.ts';
import { splitStart } from './build-before-start.ts';
import { fileOfCommand } from './framework-servers.ts';
import type { PackageJson } from './package-json.ts';

/** What a process type runs. */
export interface Start {
  /** The file, relative to the app's root. */
  file: string;
  /** Modules that load before it: `node --import ./instrument.js`, as written. */
  preloads: string[];
  /** What follows the file: the program's own arguments. */
  args: string[];
  /** What the command sets before the program. */
  environment: Record<string, string>;
}

/** Programs that run a file as `node` does, as far as the bundle is concerned. */
const runners = new Set(['node', 'nodejs', 'nodemon', 'tsx', 'ts-node', 'ts-node-esm', 'ts-node-dev']);

/** Modules that teach Node.js a language the bundler knows anyway. */
const transpilers = /^(tsx|ts-node|@swc-node|esbuild-register|@babel|source-map-support|tsconfig-paths)(\/|$)/;

/** Options of `node` whose value is the next word, unless it is joined by `=`. */
const withValue = new Set([
  '-r',
  '--require',
  '--import',
  '--loader',
  '--experimental-loader',
  '-C',
  '--conditions',
  '--env-file',
  '--env-file-if-exists',
  '--title',
  '-P',
  '--project',
  '--tsconfig',
]);

/**
 * @param command a line of a Procfile or of `scripts`
 * @param tree absolute path of the app, after its build commands have run
 * @throws BuildFailure when the command needs a shell or another program than Node.js, or names a file that is not there
 */
export function resolveStart(command: string, tree: string, packageJson: PackageJson): Start {
  const { scripts = {} } = packageJson;
  return follow(command, [command], {});

  function follow(line: string, trail: string[], inherited: Record<string, string>): Start {
    const parsed = parseCommandLine(splitStart(line).rest);
    if (parsed === undefined) throw notUnderstood(trail, 'it needs a shell');
    const environment = { ...inherited, ...parsed.environment };
    const words = dropPrefix(parsed.words, environment);
    const [program = '', ...rest] = words;

    const script = scriptName(program, rest, scripts);
    if (script !== undefined) {
      const next =
        own(scripts, script) ?? (script === 'start' && isFile(tree, 'server.js') ? 'node server.js' : undefined);
      if (next === undefined) throw notUnderstood(trail, `package.json has no script "${script}"`);
      if (trail.length > 8) throw notUnderstood(trail, 'its scripts run each other in a circle');
      return follow(next, [...trail, next], environment);
    }
    const server = fileOfCommand([posix.basename(program), rest[0]].join(' '), tree);
    if (server !== undefined) return { ...runFile([server], trail), environment };
    if (posix.basename(program) === 'next') {
      throw notUnderstood(trail, 'the server of Next.js has native code', [
        "Export the site, by `output: 'export'` in next.config.js: it is served as it is.",
      ]);
    }
    const file = commandFile(posix.basename(program), tree, packageJson);
    if (file !== undefined) return { file, preloads: [], args: rest, environment };
    if (!runners.has(posix.basename(program))) throw notUnderstood(trail, `it runs ${JSON.stringify(program)}`);
    return { ...runFile(rest, trail), environment };
  }

  function runFile(words: string[], trail: string[]): Omit<Start, 'environment'> {
    const preloads: string[] = [];
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? '';
      // `tsx watch server.ts`
      if (word === 'watch' && !isFile(tree, 'watch')) continue;
      if (!word.startsWith('-') || word === '-') {
        const file = findFile(tree, word);
        if (file === undefined) throw missingFile(word, trail);
        return { file, preloads, args: words.slice(at + 1) };
      }
      if (/^(-e|-p|-c|-i|--eval|--print|--check|--interactive|--test|--run)($|=)/.test(word)) {
        throw notUnderstood(trail, `it uses ${word}`);
      }
      const [option = '', ...joined] = word.split('=');
      if (!withValue.has(option)) continue;
      const value = joined.length > 0 ? joined.join('=') : (words[++at] ?? '');
      if (/^(-r|--require|--import)$/.test(option) && !transpilers.test(value)) preloads.push(value);
    }
    throw notUnderstood(trail, 'it names no file');
  }
}

/** The file of a command that a dependency of the app brings, as `serve` does: its `bin`. */
function commandFile(command: string, tree: string, packageJson: PackageJson): string | undefined {
  if (runners.has(command)) return undefined;
  for (const name of Object.keys({ ...packageJson.dependencies, ...packageJson.optionalDependencies })) {
    const place = posix.join('node_modules', name);
    const manifest = readJson(join(tree, place, 'package.json'));
    if (manifest === undefined) continue;
    const file = Object(normalizeBin({ name, ...manifest }).bin)[command];
    if (typeof file === 'string' && isFile(tree, posix.join(place, file))) return posix.join(place, file);
  }
  return undefined;
}

function readJson(path: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

function own(scripts: Record<string, string>, name: string): string | undefined {
  return Object.hasOwn(scripts, name) ? scripts[name] : undefined;
}

/** Drops programs that only set the stage for another: `exec`, `env`, `cross-env`, `npx`, `dotenv --`. */
function dropPrefix(words: string[], environment: Record<string, string>): string[] {
  let rest = words;
  for (;;) {
    const [first = '', second = ''] = rest;
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(first);
    if (assignment?.[1] !== undefined) environment[assignment[1]] = assignment[2] ?? '';
    else if (!['exec', 'env', 'cross-env', 'npx', 'bunx', '--'].includes(first)) {
      if (/^(pnpm|yarn)$/.test(first) && ['exec', 'dlx', ...runners].includes(second)) {
        rest = rest.slice(runners.has(second) ? 1 : 2);
        continue;
      }
      return rest;
    }
    rest = rest.slice(1);
  }
}

/** The script that `npm start`, `npm run x`, `yarn x`, `pnpm x` or `node --run x` runs. */
function scriptName(program: string, rest: string[], scripts: Record<string, string>): string | undefined {
  const words = rest.filter((word) => !word.startsWith('-'));
  const [first, second] = words;
  if (program === 'node' && rest[0] === '--run') return rest[1];
  if (!['npm', 'yarn', 'pnpm', 'bun'].includes(program)) return undefined;
  if (first === 'run' || first === 'run-script') return second;
  if (first === 'start') return 'start';
  return program !== 'npm' && first !== undefined && own(scripts, first) !== undefined ? first : undefined;
}

/**
 * Resolves what `node <path>` would run, and a TypeScript file where the JavaScript one is not there.
 *
 * @returns a path relative to the tree; undefined when there is no such file in it
 */
export function findFile(tree: string, path: string): string | undefined {
  const place = posix.normalize(path.replace(/^\/app\//, '')).replace(/\/$/, '');
  if (place === '..' || place.startsWith('../') || place.startsWith('/')) return undefined;
  const main = mainOf(join(tree, place));
  return [
    ...withExtensions(place),
    ...(main === undefined ? [] : withExtensions(posix.join(place, main))),
    ...(main === undefined ? [] : withExtensions(posix.join(place, main, 'index'))),
    ...withExtensions(posix.join(place, 'index')),
  ].find((candidate) => isFile(tree, candidate));
}

function withExtensions(path: string): string[] {
  return ['', '.js', '.cjs', '.mjs', '.ts', '.mts', '.cts', '.tsx', '.jsx'].map((extension) => path + extension);
}

/** `main` of a directory's package.json: a path that stays in the directory. */
function mainOf(directory: string): string | undefined {
  const main = readJson(join(directory, 'package.json'))?.main;
  return typeof main === 'string' && isInside(directory, join(directory, main)) ? posix.normalize(main) : undefined;
}

function isFile(tree: string, path: string): boolean {
  return statSync(join(tree, path), { throwIfNoEntry: false })?.isFile() ?? false;
}

const understood =
  'Supported are `node <file>`, `npm start`, `npm run <script>` (also with yarn and pnpm), `tsx`, `ts-node`, and commands of packages in "dependencies".';

function notUnderstood(trail: readonly string[], why: string, help: readonly string[] = [understood]): BuildFailure {
  return new BuildFailure(`The start command ${JSON.stringify(trail[0])} cannot be run: ${why}.`, {
    details: trail.slice(1).map((line) => `${JSON.stringify(trail[0])} runs ${JSON.stringify(line)}`),
    help,
  });
}

function missingFile(file: string, trail: readonly string[]): BuildFailure {
  return new BuildFailure(`The start command ${JSON.stringify(trail[0])} runs ${file}, and there is no such file.`, {
    help: /^\.?\/?(dist|build|out|lib)\//.test(file)
      ? ['If a build makes it, package.json needs a "build" script that does.']
      : ['Files that .gitignore names are not pushed: check that it is committed.'],
  });
}
