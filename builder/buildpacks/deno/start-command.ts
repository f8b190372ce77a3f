import { posix } from 'node:path';
import { parseCommandLine } from '../../command-line.ts';
import { BuildFailure } from '../../failure.ts';
import type { Start } from '../nodejs/start-command.ts';

/** What a process type runs. */
export interface DenoStart extends Start {
  /** `deno serve`: the module exports what serves. */
  serves: boolean;
  /** Files that the command names. */
  config?: string;
  importMap?: string;
}

/** Options of `deno run` and `deno serve` whose value is the next word, unless it is joined by `=`. */
const WITH_VALUE = new Set([
  '--config',
  '-c',
  '--import-map',
  '--port',
  '--host',
  '--location',
  '--seed',
  '--cert',
  '--log-level',
  '-L',
  '--ext',
]);

/** Other commands of `deno`, which start no server. */
const OTHERS = new Set(['test', 'bench', 'fmt', 'lint', 'check', 'install', 'compile', 'eval', 'repl', 'cache', 'x']);

/** Files that `deno serve` and `deno run` are tried with where nothing says what to start. */
const MAIN_FILES = ['main', 'server', 'mod', 'index', 'app'].flatMap((name) =>
  ['ts', 'tsx', 'js', 'jsx', 'mjs'].map((extension) => `${name}.${extension}`),
);

/**
 * The command of `web` where no Procfile names one: the task `start`, or a file that is called as such files are.
 *
 * @param exists whether a path of the tree is a file
 */
export function defaultCommand(
  tasks: Readonly<Record<string, string>>,
  exists: (path: string) => boolean,
): string | undefined {
  if (tasks.start !== undefined) return 'deno task start';
  const file = MAIN_FILES.find(exists);
  return file && `deno run -A ${file}`;
}

/**
 * Reads a command that runs a module by Deno, or a task that does.
 *
 * @throws BuildFailure when it does anything else
 */
export function resolveStart(
  command: string,
  tasks: Readonly<Record<string, string>>,
  exists: (path: string) => boolean,
): DenoStart {
  return follow(command, {}, 0);

  function follow(line: string, inherited: Record<string, string>, depth: number): DenoStart {
    const parsed = parseCommandLine(line.replace(/^exec\s+/, ''));
    if (!parsed) throw refused(command, 'it needs a shell');
    const environment = { ...inherited, ...parsed.environment };
    const [program = '', ...words] = parsed.words;
    if (posix.basename(program) !== 'deno') throw refused(command, `it runs ${JSON.stringify(program)}`);
    const [verb = '', ...rest] = words;
    if (verb === 'task') {
      const [name = ''] = rest.filter((word) => !word.startsWith('-'));
      const task = tasks[name];
      if (task === undefined) throw refused(command, `deno.json has no task ${JSON.stringify(name)}`);
      if (depth > 8) throw refused(command, 'its tasks run each other in a circle');
      return follow(task, environment, depth + 1);
    }
    if (OTHERS.has(verb)) throw refused(command, `\`deno ${verb}\` starts no server`);
    const serves = verb === 'serve';
    return { ...runFile(serves || verb === 'run' ? rest : words), environment, serves };
  }

  function runFile(words: readonly string[]): Omit<DenoStart, 'environment' | 'serves'> {
    const named: { config?: string; importMap?: string } = {};
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? '';
      if (!word.startsWith('-')) {
        const file = posix.normalize(word.replace(/^file:\/\/(?:\/tmp)?\/app\//, ''));
        if (!exists(file)) throw refused(command, `there is no file ${word}`);
        return { file, preloads: [], args: words.slice(at + 1), ...named };
      }
      const [option = '', ...joined] = word.split('=');
      const value = joined.length > 0 ? joined.join('=') : WITH_VALUE.has(option) ? words[++at] : undefined;
      if (value === undefined) continue;
      if (option === '--config' || option === '-c') named.config = value;
      if (option === '--import-map') named.importMap = value;
    }
    throw refused(command, 'it names no file');
  }
}

const refused = (command: string, why: string): BuildFailure =>
  new BuildFailure(`\`${command}\` cannot be started: ${why}.`, {
    help: ['Start a module: `web: deno run -A main.ts`, `deno serve main.ts`, or a task that does.'],
  });
