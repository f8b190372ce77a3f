/** The shell: just-bash over the machine's tree, with the machine's programs as its commands. */
import {
  Bash,
  type BashOptions,
  type CommandContext,
  type CustomCommand,
  defineCommand,
  getCommandNames,
  getNetworkCommandNames,
} from 'just-bash/browser';
import { Pipe } from './pipe.ts';
import { findCommand, programNames, start } from './programs/program.ts';
import { bytesOf, encodingOf, shellFs } from './shell-fs.ts';
import { liveFiles, planScript, readsFiles, runCommand } from './shell-plan.ts';
import { type Environment, shellStatus, type Task, tasks } from './task.ts';
import { fs } from './tree.ts';

const bundled = new Set<string>([...getCommandNames(), ...getNetworkCommandNames()]);
/** Commands of just-bash that read standard input; the others must not wait for it. */
const readers =
  /^(cat|tee|sort|uniq|wc|head|tail|grep|egrep|fgrep|sed|awk|tr|cut|xargs|jq|yq|base64|md5sum|sha1sum|sha256sum|tac|rev|nl|fold|paste|column|gzip|gunzip|zcat|tar|read)$/;
/** The machine's own limits bound a script; just-bash's would only stop honest builds. */
const unlimited = { maxCommandCount: 1e7, maxLoopIterations: 1e7, maxExecutionTimeMs: 86_400_000, maxWorkUnits: 1e9 };

interface Result {
  stdout: string;
  stderr: string;
  exitCode: number;
  stdoutKind?: 'text' | 'bytes';
  stdoutEncoding?: 'binary';
}

/**
 * Runs a script as a task, and its commands as tasks below it.
 *
 * @param positional `$1` and on
 * @param scriptPath `$0`, for a script that is a file
 * @param signal ends the script, and not the task
 * @param onEnd takes the variables as the script leaves them
 * @returns the exit code
 */
export async function runShell(
  task: Task,
  script: string,
  {
    positional = [],
    scriptPath,
    signal,
    onEnd,
  }: { positional?: string[]; scriptPath?: string; signal?: AbortSignal; onEnd?: (env: Environment) => void } = {},
): Promise<number> {
  const abort = new AbortController();
  task.cleanups.add(() => abort.abort());
  signal?.addEventListener('abort', () => abort.abort(), { once: true });
  task.onSignal ??= (name) => passOn(task, name);
  const isCommand = (name: string) => bundled.has(name) || findCommand([name], task) !== undefined;
  let planned = false;
  const bash = new Bash({
    fs: withLiveFiles(task),
    cwd: task.cwd,
    env: task.env,
    executionLimits: unlimited,
    defenseInDepth: false,
    processInfo: { pid: task.pid, ppid: task.ppid, uid: 1000, gid: 1000 },
    fetch: fetchForShell,
    customCommands: commandsOf(task),
  });
  bash.registerTransformPlugin({
    name: 'run',
    transform: ({ ast }) => {
      // The first script is the task's own; what its commands run (`xargs`, `env`) answers to them.
      const streams = planned ? '' : 'ioe';
      planned = true;
      return { ast: planScript(ast, { streams, scriptPath, isCommand: readsFiles(script) ? isCommand : undefined }) };
    },
  });
  const parameters = positional.length > 0 ? `set -- ${positional.map(quote).join(' ')}\n` : '';
  const result = await bash.exec(parameters + script, {
    rawScript: true,
    signal: abort.signal,
  });
  if (signal?.aborted) return 130;
  writeResult(task, result, 'oe');
  onEnd?.(result.env);
  return result.exitCode;
}

/** The commands that a shell waits for. */
export const childrenOf = (shell: Task): Task[] => [...tasks.values()].filter(({ parent }) => parent === shell);

/** As a terminal does, gives a signal to the commands of a script too; the script ends when they have. */
function passOn(shell: Task, signal: string): boolean {
  const children = childrenOf(shell);
  if (children.length === 0) return false;
  for (const child of children) child.kill(signal);
  void Promise.all(children.map(({ exited }) => exited)).then((exits) => {
    const last = exits.at(-1);
    if (last) shell.end(last);
  });
  return true;
}

/** What commands of just-bash print, by a file that stands for it: as text, it may be bytes or characters. */
const captured = new Map<string, Uint8Array[]>();
let captures = 0;

/** A file to write to, and what was written, once. */
function capture(): { path: string; bytes: () => Buffer } {
  const path = `/dev/capture/${++captures}`;
  captured.set(path, []);
  return {
    path,
    bytes: () => {
      const chunks = captured.get(path) ?? [];
      captured.delete(path);
      return Buffer.concat(chunks);
    },
  };
}

/** The tree, and the files that stand for a task's streams and for what a command prints. */
function withLiveFiles(task: Task): typeof shellFs {
  const streams = new Map<string, 1 | 2>(Object.entries(liveFiles));
  return {
    ...shellFs,
    async appendFile(path, content, options) {
      const fd = streams.get(path);
      const chunks = captured.get(path);
      const bytes = bytesOf(content, encodingOf(options));
      if (fd !== undefined) task.write(fd, bytes);
      else if (chunks) chunks.push(bytes);
      else await shellFs.appendFile(path, content, options);
    },
  };
}

/** For `curl`: the gateway decides on what it may reach. */
const fetchForShell: NonNullable<BashOptions['fetch']> = async (
  url,
  { method, headers, body, followRedirects, signal } = {},
) => {
  const response = await fetch(url, { method, headers, body, redirect: followRedirects ? 'follow' : 'manual', signal });
  return {
    status: response.status,
    statusText: response.statusText,
    headers: Object.fromEntries(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
    url: response.url,
  };
};

export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The words that start a command: those themselves, or where it is one that the shell brings along, the shell's. */
export function startable(argv: string[], place: { env: Environment; cwd: string }): string[] {
  const name = commandName(argv);
  const isShells = bundled.has(name) && findCommand(argv, place) === undefined;
  return isShells ? ['sh', '-c', [name, ...argv.slice(1)].map(quote).join(' ')] : argv;
}

/** Without the folder where it would stand. */
const commandName = ([name = '']: string[]): string => name.replace(/^\/(usr\/)?bin\//, '');

/** Writes what goes to the task's own streams, and returns the rest. */
function writeResult(task: Task, result: Result, streams: string): Result {
  const { stdout, stderr, exitCode } = result;
  const bytes = result.stdoutKind === 'bytes' || result.stdoutEncoding === 'binary';
  if (streams.includes('o') && stdout !== '') task.write(1, Buffer.from(stdout, bytes ? 'latin1' : 'utf8'));
  if (streams.includes('e') && stderr !== '') task.write(2, Buffer.from(stderr));
  return {
    stdout: streams.includes('o') ? '' : stdout,
    stdoutKind: bytes ? 'bytes' : 'text',
    stderr: streams.includes('e') ? '' : stderr,
    exitCode,
  };
}

/** `__run`, and every program by its name for the commands of just-bash that start others (`xargs`, `env`, `timeout`). */
function commandsOf(task: Task): CustomCommand[] {
  const names = new Set(programNames());
  for (const directory of (task.env.PATH ?? '').split(':')) {
    if (!directory.endsWith('/node_modules/.bin')) continue;
    for (const name of fs.existsSync(directory) ? fs.readdirSync(directory) : []) names.add(String(name));
  }
  return [
    // just-bash has no traps: what a script would do at its end, it does not.
    defineCommand('trap', async () => ({ stdout: '', stderr: '', exitCode: 0 })),
    defineCommand(runCommand, ([streams = '', ...argv], context) => run(task, streams, argv, context)),
    ...[...names].map((name) => defineCommand(name, (args, context) => run(task, '', [name, ...args], context))),
  ];
}

/** Options as just-bash knows them: without sed's `-u`, of which buildpacks are fond, and `-n1` of xargs as two words. */
function knownOptions(name: string, args: string[]): string[] {
  if (name === 'sed') return args.filter((arg) => arg !== '-u' && arg !== '--unbuffered');
  const [first = '', ...rest] = args;
  const [, option, value] = (name === 'xargs' && /^(-[nPLI])(.+)$/.exec(first)) || [];
  return option !== undefined && value !== undefined ? [option, value, ...rest] : args;
}

async function run(shell: Task, streams: string, argv: string[], context: CommandContext): Promise<Result> {
  const env = context.exportedEnv ?? Object.fromEntries(context.env);
  const command = findCommand(argv, { env, cwd: context.cwd });
  const name = commandName(argv);
  if (command === undefined) {
    if (bundled.has(name) && context.exec) {
      const stdin = streams.includes('i') && readers.test(name) ? await shell.stdin.readAll() : undefined;
      // The shell's own `command` is not planned, so this does not come back here.
      const { path, bytes } = capture();
      let captured = '';
      const command = context.exec(`command >> ${path}`, {
        args: [name, ...knownOptions(name, argv.slice(1))],
        cwd: context.cwd,
        env,
        stdin: stdin ? Buffer.from(stdin).toString('latin1') : (context.stdin as unknown as string),
        stdinKind: 'bytes',
        signal: context.signal,
      });
      const result = await command.finally(() => {
        captured = bytes().toString('latin1');
      });
      const stdout = captured + result.stdout;
      return writeResult(shell, { ...result, stdout, stdoutKind: 'bytes' }, streams);
    }
    return writeResult(shell, { stdout: '', stderr: `sh: ${name}: command not found\n`, exitCode: 127 }, streams);
  }

  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const child = start({
    argv,
    env,
    cwd: context.cwd,
    stdin: streams.includes('i') ? shell.stdin : Pipe.of(Buffer.from(context.stdin as unknown as string, 'latin1')),
    stdout: streams.includes('o') ? (chunk) => shell.write(1, chunk) : (chunk) => stdout.push(chunk),
    stderr: streams.includes('e') ? (chunk) => shell.write(2, chunk) : (chunk) => stderr.push(chunk),
    parent: shell,
  });
  const stop = () => child.kill('SIGTERM');
  context.signal?.addEventListener('abort', stop, { once: true });
  const exit = await child.exited;
  context.signal?.removeEventListener('abort', stop);
  return {
    stdout: Buffer.concat(stdout).toString('latin1'),
    stdoutKind: 'bytes',
    stderr: Buffer.concat(stderr).toString(),
    exitCode: shellStatus(exit),
  };
}
