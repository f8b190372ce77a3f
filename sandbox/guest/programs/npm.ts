/**
 * The part of package managers that runs a package's own scripts and commands. Installing is not theirs here: what is
 * in the tree was resolved, checked and put there before.
 */
import { dirname, join, matchesGlob } from 'node:path';
import { quote, runShell } from '../shell.ts';
import { type Environment, shellStatus, Task } from '../task.ts';
import { fs } from '../tree.ts';
import { type Program, start } from './program.ts';

interface PackageJson {
  name?: string;
  version?: string;
  scripts?: Record<string, string>;
  config?: Record<string, string>;
  bin?: string | Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  workspaces?: string[] | { packages?: string[] };
}

const agents: Record<string, string> = {
  npm: 'npm/11.6.0',
  pnpm: 'pnpm/10.20.0',
  yarn: 'yarn/1.22.22',
  bun: 'bun/1.3.0',
};

/** Scripts that may be run by their bare names, as `npm test`. */
const shortcuts: Record<string, string> = {
  t: 'test',
  tst: 'test',
  test: 'test',
  start: 'start',
  stop: 'stop',
  restart: 'restart',
};

function readPackage(directory: string): PackageJson | undefined {
  const path = join(directory, 'package.json');
  if (!fs.existsSync(path)) return undefined;
  return JSON.parse(String(fs.readFileSync(path, 'utf8'))) as PackageJson;
}

/** The nearest directory with a package.json, from here upwards. */
function findPackage(from: string): string | undefined {
  for (let current = from; ; current = dirname(current)) {
    if (fs.existsSync(join(current, 'package.json'))) return current;
    if (current === '/') return undefined;
  }
}

/** `PATH` with every `node_modules/.bin` from a directory to the root before it. */
function pathOf(directory: string, path = ''): string {
  const bins: string[] = [];
  for (let current = directory; ; current = dirname(current)) {
    bins.push(join(current, 'node_modules/.bin'));
    if (current === '/') break;
  }
  return [...bins, ...path.split(':').filter((entry) => entry !== '' && !bins.includes(entry))].join(':');
}

/** The environment of a package's script. */
function scriptEnvironment(
  task: Task,
  agent: string,
  directory: string,
  json: PackageJson,
  event: string,
): Environment {
  const env: Environment = {
    ...task.env,
    PATH: pathOf(directory, task.env.PATH),
    INIT_CWD: task.env.INIT_CWD ?? task.cwd,
    npm_command: 'run-script',
    npm_execpath: '/usr/local/bin/npm',
    npm_node_execpath: '/usr/local/bin/node',
    npm_config_user_agent: `${agents[agent] ?? agents.npm} node/v26 linux x64`,
    npm_lifecycle_event: event,
    npm_package_json: join(directory, 'package.json'),
    NODE: '/usr/local/bin/node',
  };
  if (json.name !== undefined) env.npm_package_name = json.name;
  if (json.version !== undefined) env.npm_package_version = json.version;
  for (const [name, value] of Object.entries(json.config ?? {})) env[`npm_package_config_${name}`] = String(value);
  const script = json.scripts?.[event];
  if (script !== undefined) env.npm_lifecycle_script = script;
  return env;
}

/** Runs `pre<event>`, `<event>` and `post<event>`, up to the first that fails. */
async function runScript(
  task: Task,
  {
    agent,
    directory,
    event,
    args,
    silent,
  }: { agent: string; directory: string; event: string; args: string[]; silent: boolean },
): Promise<number> {
  const json = readPackage(directory) ?? {};
  for (const name of [`pre${event}`, event, `post${event}`]) {
    const script = json.scripts?.[name];
    if (script === undefined) continue;
    const line = name === event && args.length > 0 ? `${script} ${args.map(quote).join(' ')}` : script;
    if (!silent) task.write(1, Buffer.from(titleOf(json, name, line)));
    const child = new Task({
      argv: ['sh', '-c', line],
      env: scriptEnvironment(task, agent, directory, json, name),
      cwd: directory,
      stdin: task.stdin,
      stdout: (chunk) => task.write(1, chunk),
      stderr: (chunk) => task.write(2, chunk),
      parent: task,
    });
    task.cleanups.add(() => child.kill('SIGTERM'));
    void child.enter(async () => {
      const exitCode = await runShell(child, line).catch((error: Error) => {
        child.write(2, Buffer.from(`sh: ${error.message}\n`));
        return 2;
      });
      child.end({ exitCode, signal: null });
    });
    const status = shellStatus(await child.exited);
    if (status !== 0) return status;
  }
  return 0;
}

interface Arguments {
  agent: string;
  /** Words that are no options. */
  words: string[];
  /** What stands after `--`. */
  rest: string[];
  flags: Set<string>;
  workspaces: string[];
  directory: string;
}

const valued = /^(-w|--workspace|--prefix|-C|--dir|--cwd|--filter|-F|-p|--package|-c|--call|--loglevel)$/;

function parseArguments(task: Task): Arguments {
  const [agent = 'npm', ...words] = task.argv;
  const parsed: Arguments = { agent, words: [], rest: [], flags: new Set(), workspaces: [], directory: task.cwd };
  while (words.length > 0) {
    const word = words.shift() as string;
    if (word === '--') {
      parsed.rest = words;
      break;
    }
    if (!word.startsWith('-')) {
      parsed.words.push(word);
      // Yarn, pnpm and bun hand what follows a script's name to the script.
      const takesRest =
        agent !== 'npm' && parsed.words.filter((other) => other !== 'run' && other !== 'exec').length > 0;
      if (takesRest && !/^(workspace|workspaces)$/.test(word)) {
        parsed.rest = words[0] === '--' ? words.slice(1) : words;
        break;
      }
      continue;
    }
    const [name = '', inline] = word.split('=', 2);
    const value = valued.test(name) ? (inline ?? words.shift()) : undefined;
    if (/^(-w|--workspace|--filter|-F)$/.test(name) && value !== undefined) parsed.workspaces.push(value);
    else if (/^(--prefix|-C|--dir|--cwd)$/.test(name) && value !== undefined) parsed.directory = join(task.cwd, value);
    else parsed.flags.add(name);
  }
  return parsed;
}

/** Directories of a root's workspaces. */
function workspaceDirectories(root: string): string[] {
  const { workspaces } = readPackage(root) ?? {};
  let patterns = Array.isArray(workspaces) ? workspaces : (workspaces?.packages ?? []);
  const pnpm = join(root, 'pnpm-workspace.yaml');
  if (fs.existsSync(pnpm)) {
    const list = /^packages:\s*\n((?:\s+-.*\n?)+)/m.exec(String(fs.readFileSync(pnpm, 'utf8')))?.[1] ?? '';
    patterns = list
      .split('\n')
      .map((line) => line.replace(/^\s*-\s*/, '').replace(/^['"]|['"]\s*$/g, ''))
      .filter(Boolean);
  }
  return patterns
    .filter((pattern) => !pattern.startsWith('!'))
    .flatMap((pattern) => fs.globSync(pattern, { cwd: root }).map((path) => join(root, String(path))))
    .filter((directory) => fs.existsSync(join(directory, 'package.json')));
}

/**
 * Packages in an order in which each comes after those of them that it depends on, as pnpm, Yarn and Bun run
 * scripts; with `from`, those and what they depend on.
 */
function dependenciesFirst(directories: readonly string[], from: readonly string[] = directories): string[] {
  const byName = new Map(directories.map((directory) => [readPackage(directory)?.name, directory]));
  const ordered = new Set<string>();
  const visiting = new Set<string>();
  const visit = (directory: string): void => {
    if (visiting.has(directory)) return;
    visiting.add(directory);
    const { dependencies, devDependencies, optionalDependencies } = readPackage(directory) ?? {};
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      const needed = byName.get(name);
      if (needed !== undefined) visit(needed);
    }
    ordered.add(directory);
  };
  for (const directory of from) visit(directory);
  return [...ordered];
}

/** Whether a workspace is meant: by its name or a pattern of it, or by its directory. Without any, all are. */
function isChosen(directory: string, root: string, workspaces: readonly string[]): boolean {
  const name = readPackage(directory)?.name ?? '';
  return (
    workspaces.length === 0 ||
    workspaces.some(
      (wanted) => matchesGlob(name, wanted) || matchesGlob(directory, join(root, wanted)) || wanted === name,
    )
  );
}

async function runInWorkspaces(task: Task, parsed: Arguments, event: string, args: string[]): Promise<number> {
  const root = findPackage(parsed.directory) ?? parsed.directory;
  const all = workspaceDirectories(root);
  const ordered = parsed.agent === 'npm' ? all : dependenciesFirst(all);
  const chosen = new Set(ordered.filter((directory) => isChosen(directory, root, parsed.workspaces)));
  for (const wanted of parsed.workspaces) {
    // pnpm: `name...` is a package with all that it depends on.
    const [base] = wanted.split(/\.\.\.$/, 1);
    const from = ordered.filter((directory) => isChosen(directory, root, [base ?? '']));
    if (base !== wanted) for (const directory of dependenciesFirst(ordered, from)) chosen.add(directory);
  }
  for (const directory of ordered.filter((each) => chosen.has(each))) {
    if (readPackage(directory)?.scripts?.[event] === undefined) continue;
    const status = await runScript(task, { agent: parsed.agent, directory, event, args, silent: false });
    if (status !== 0) return status;
  }
  return 0;
}

/** Runs a command of the package's own or its dependencies' `bin`. */
async function runBin(task: Task, argv: string[], directory: string): Promise<number> {
  const child = start({
    argv,
    env: { ...task.env, PATH: pathOf(directory, task.env.PATH) },
    cwd: directory,
    stdin: task.stdin,
    stdout: (chunk) => task.write(1, chunk),
    stderr: (chunk) => task.write(2, chunk),
    parent: task,
  });
  task.cleanups.add(() => child.kill('SIGTERM'));
  return shellStatus(await child.exited);
}

const say = (task: Task, text: string) => task.write(2, Buffer.from(text));

async function execute(task: Task, argv: string[], directory: string): Promise<number> {
  const [command = ''] = argv;
  const name = command.replace(/(?<=.)@[^/]*$/, '');
  try {
    return await runBin(task, [name, ...argv.slice(1)], directory);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
    say(
      task,
      `npm error could not determine executable to run\nnpm error ${command} is not installed. Add it to devDependencies: the sandbox runs what the lockfile pins.\n`,
    );
    return 1;
  }
}

/** `npm`, `pnpm`, `yarn` and `bun`: `run <script>`, `exec <command>`, and what asks without changing anything. */
export const npm: Program = {
  names: ['npm', 'pnpm', 'yarn', 'bun'],
  async run(task) {
    const parsed = parseArguments(task);
    const { agent, words, rest, flags } = parsed;
    const [command = '', ...others] = words;
    const silent = flags.has('--silent') || flags.has('-s');
    const everywhere =
      parsed.workspaces.length > 0 || ['--workspaces', '-ws', '-r', '--recursive'].some((flag) => flags.has(flag));
    const directory = findPackage(parsed.directory) ?? parsed.directory;

    const script = async (event: string, args: string[]): Promise<number> => {
      if (everywhere) return runInWorkspaces(task, parsed, event, args);
      if (readPackage(directory)?.scripts?.[event] !== undefined) {
        return runScript(task, { agent, directory, event, args, silent: silent || agent === 'bun' });
      }
      if (flags.has('--if-present')) return 0;
      if (event === 'start' && fs.existsSync(join(directory, 'server.js')))
        return execute(task, ['node', 'server.js'], directory);
      say(task, `npm error Missing script: "${event}"\n`);
      return 1;
    };

    if (command === '' && (flags.has('-v') || flags.has('--version'))) {
      task.write(1, Buffer.from(`${(agents[agent] ?? '').split('/')[1]}\n`));
      return 0;
    }
    switch (command) {
      case 'run':
      case 'run-script':
      case 'rum': {
        const [event, ...args] = others;
        if (event === undefined) {
          task.write(1, Buffer.from(`${Object.keys(readPackage(directory)?.scripts ?? {}).join('\n')}\n`));
          return 0;
        }
        return script(event, [...args, ...rest]);
      }
      case 'exec':
      case 'x':
      case 'dlx':
        return execute(task, [...others, ...rest], parsed.directory);
      case 'workspace': {
        const [name = '', event = '', ...args] = others;
        return runInWorkspaces(
          task,
          { ...parsed, workspaces: [name] },
          event === 'run' ? (args.shift() ?? rest[0] ?? '') : event,
          rest,
        );
      }
      case 'prefix':
      case 'root':
        task.write(1, Buffer.from(`${command === 'root' ? join(directory, 'node_modules') : directory}\n`));
        return 0;
      case 'config':
      case 'get':
        task.write(1, Buffer.from('undefined\n'));
        return 0;
      case 'install':
      case 'i':
      case 'ci':
      case 'add':
      case '':
        say(
          task,
          `${agent} ${command || 'install'} is not available in the sandbox: the packages that the lockfile pins are installed before the build's commands run.\n`,
        );
        return 1;
    }
    const event = shortcuts[command] ?? command;
    if (agent !== 'npm' || command in shortcuts) {
      const known = readPackage(directory)?.scripts?.[event] !== undefined || everywhere;
      return known || command in shortcuts
        ? script(event, [...others, ...rest])
        : execute(task, [...words, ...rest], directory);
    }
    say(task, `npm error Unknown command: "${command}" (the sandbox knows run, test, start, exec)\n`);
    return 1;
  },
};

/** A line of shell that a command comes to. */
export interface Line {
  /** Printed before it. */
  title: string;
  line: string;
  env: Environment;
}

/**
 * What a command of a package manager comes to, for who cannot wait for it to run as a program: the lines of a script
 * with its `pre` and `post`, or that of a command of a package.
 *
 * @returns undefined where it is more than that
 */
export function linesOf(task: Task): Line[] | undefined {
  const one = (argv: string[]): Line[] => [
    { title: '', line: argv.map(quote).join(' '), env: { ...task.env, PATH: pathOf(task.cwd, task.env.PATH) } },
  ];
  if (npx.names.includes(task.argv[0] ?? '')) {
    const words = task.argv.slice(1);
    while (/^(--yes|-y|--no-install|--no|--quiet|-q|--)$/.test(words[0] ?? '')) words.shift();
    return words[0] === undefined || words[0].startsWith('-') ? undefined : one(words);
  }
  const { agent, words, rest, flags, workspaces, directory: start } = parseArguments(task);
  const [command = '', ...others] = words;
  if (workspaces.length > 0 || ['--workspaces', '-ws', '-r', '--recursive'].some((flag) => flags.has(flag))) return;
  if (/^(exec|x|dlx)$/.test(command)) return one([...others, ...rest]);
  const named = /^(run|run-script|rum)$/.test(command);
  const event = named ? others.shift() : (shortcuts[command] ?? (agent === 'npm' ? undefined : command));
  const directory = findPackage(start);
  const json = directory === undefined ? undefined : readPackage(directory);
  if (event === undefined || directory === undefined || json?.scripts?.[event] === undefined) return undefined;
  const silent = flags.has('--silent') || flags.has('-s') || agent === 'bun';
  return [`pre${event}`, event, `post${event}`].flatMap((name): Line[] => {
    const script = json.scripts?.[name];
    if (script === undefined) return [];
    const line = name === event ? [script, ...[...others, ...rest].map(quote)].join(' ') : script;
    const env = scriptEnvironment(task, agent, directory, json, name);
    return [{ title: silent ? '' : titleOf(json, name, line), line: `cd ${quote(directory)} && ${line}`, env }];
  });
}

function titleOf({ name, version }: PackageJson, event: string, line: string): string {
  const title = [name, version].filter(Boolean).join('@');
  return `\n> ${title === '' ? '' : `${title} `}${event}\n> ${line}\n\n`;
}

/** `npx <command> [argument…]` */
export const npx: Program = {
  names: ['npx', 'bunx', 'pnpx'],
  async run(task) {
    const words = task.argv.slice(1);
    while (words[0]?.startsWith('-')) {
      const flag = words.shift() as string;
      if (flag === '--') break;
      if (flag === '-c' || flag === '--call') {
        const line = words.shift() ?? '';
        return runShell(Object.assign(task, { env: { ...task.env, PATH: pathOf(task.cwd, task.env.PATH) } }), line);
      }
      if (flag === '-p' || flag === '--package') words.shift();
    }
    return execute(task, words, task.cwd);
  },
};
