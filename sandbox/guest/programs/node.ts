import { resolve as joinPath } from 'node:path';
import { platform, reportUncaught } from '../node/process.ts';
import { synchronousNode } from '../node/run-sync.ts';
import { createRuntime, mainFile, type Runtime, runProgram } from '../node/runtime.ts';
import { runTestFiles } from '../node/test/index.ts';
import { isTsxPreload } from '../node/typescript.ts';
import { workerCode } from '../node/worker-threads.ts';
import { type Task, TaskEnded } from '../task.ts';
import type { Program } from './program.ts';

interface CommandLine {
  mode: 'file' | 'eval' | 'print' | 'version' | 'check' | 'stdin';
  /** File or source. */
  subject: string;
  args: string[];
  execArgv: string[];
  /** Modules to load first. */
  preload: { specifier: string; way: 'require' | 'import' | 'register' }[];
  module: boolean;
  /** Run the files as tests: `--test`. */
  test: boolean;
  /** Run as `tsx` does. */
  typescript: boolean;
}

/** Options that take the next word as their value. */
const withValue =
  /^(-r|--require|--import|-e|--eval|-p|--print|-pe|--env-file|--env-file-if-exists|-C|--conditions|--loader|--experimental-loader|--title|--input-type|--stack-trace-limit|--max-old-space-size|--tsconfig|-P|--project|-O|--compiler-options)$/;

function parseCommandLine(argv: string[], env: Record<string, string>): CommandLine {
  const line: CommandLine = {
    mode: 'stdin',
    subject: '',
    args: [],
    execArgv: [],
    preload: [],
    module: false,
    test: false,
    typescript: false,
  };
  const option = (name: string, value: string | undefined) => {
    if (/^(-r|--require|--import|--loader|--experimental-loader)$/.test(name) && isTsxPreload(value ?? '')) {
      line.typescript = true;
      return;
    }
    if (name === '-r' || name === '--require') line.preload.push({ specifier: value ?? '', way: 'require' });
    else if (name === '--import') line.preload.push({ specifier: value ?? '', way: 'import' });
    else if (name === '--loader' || name === '--experimental-loader')
      line.preload.push({ specifier: value ?? '', way: 'register' });
    else if (name === '-e' || name === '--eval') Object.assign(line, { mode: 'eval', subject: value });
    else if (name === '-p' || name === '--print' || name === '-pe')
      Object.assign(line, { mode: 'print', subject: value });
    else if (name === '-v' || name === '--version') line.mode = 'version';
    else if (name === '-c' || name === '--check') line.mode = 'check';
    else if (name === '--test') line.test = true;
    else if (name === '--input-type') line.module = value === 'module';
  };
  const read = (words: string[]): string[] => {
    while (words[0]?.startsWith('-') && words[0] !== '-') {
      const word = words.shift() as string;
      if (word === '--') break;
      line.execArgv.push(word);
      const [name = '', ...inline] = word.startsWith('--') ? word.split('=') : [word];
      const value = inline.length > 0 ? inline.join('=') : withValue.test(name) ? words.shift() : undefined;
      if (inline.length === 0 && value !== undefined) line.execArgv.push(value);
      option(name, value);
    }
    return words;
  };
  read((env.NODE_OPTIONS ?? '').split(/\s+/).filter(Boolean));
  line.execArgv = [];
  const rest = read(argv.slice(1));
  if (line.test) return { ...line, args: rest };
  if (line.mode === 'stdin' || line.mode === 'check') {
    const [file, ...args] = rest;
    if (file !== undefined && file !== '-') {
      if (line.mode === 'stdin') line.mode = 'file';
      line.subject = file;
    }
    line.args = args;
  } else line.args = rest;
  return line;
}

/** `node [option…] [file] [argument…]` */
export const node: Program = {
  names: ['node', 'nodejs'],
  async run(task) {
    const line = parseCommandLine(task.argv, task.env);
    if (line.mode === 'version') {
      task.write(1, Buffer.from(`${platform.version}\n`));
      return 0;
    }
    if (line.test) {
      const options = line.execArgv.filter((option) => !option.startsWith('--test'));
      return runTestFiles(task, line.args, options);
    }
    const runtime = prepare(task, line);
    return runProgram(task, runtime, () => runMain(task, runtime, line));
  },
};

/** `tsx [option…] [file] [argument…]`, whose options are Node's */
export const tsx: Program = {
  names: ['tsx'],
  async run(task) {
    if (task.argv[1] === 'watch') {
      task.write(2, Buffer.from('tsx: there is nobody here who changes files; leave out `watch`\n'));
      return 1;
    }
    const line: CommandLine = { ...parseCommandLine(task.argv, task.env), typescript: true };
    const runtime = prepare(task, line);
    return runProgram(task, runtime, () => runMain(task, runtime, line));
  },
};

function prepare(task: Task, { execArgv, mode, subject, args, typescript }: CommandLine): Runtime {
  const runtime = createRuntime(task, { typescript });
  const main = mode === 'file' ? [mainFile(task, subject)] : [];
  runtime.process.argv = [platform.execPath, ...main, ...args];
  runtime.process.execArgv = execArgv;
  return runtime;
}

async function runMain(task: Task, runtime: Runtime, line: CommandLine): Promise<void> {
  const { loader } = runtime;
  const here = joinPath(task.cwd, '[eval]');
  for (const { specifier, way } of line.preload) {
    if (way === 'require') loader.Module._load(specifier, null);
    else if (way === 'register') loader.register(specifier, here, undefined);
    else await loader.import(specifier, here);
  }
  const code =
    workerCode(task) ?? (line.mode === 'stdin' ? String(Buffer.from(await task.stdin.readAll())) : undefined);
  if (code === undefined && line.mode === 'file') return loader.runMain(mainFile(task, line.subject));
  const source = code ?? line.subject;
  if (line.module) {
    await loader.importSource(source, `${here}${task.pid}`);
    return;
  }
  const value = evaluateScript(task, runtime, source, here);
  if (line.mode === 'print') runtime.console.log(value);
}

/** `-e` and `-p`: a script with `require` and the builtin modules' names as variables. */
function evaluateScript(task: Task, { loader }: Runtime, source: string, path: string): unknown {
  const module = new loader.Module(path);
  module.filename = path;
  const builtins = ['fs', 'path', 'os', 'child_process', 'crypto', 'util', 'url', 'zlib', 'events', 'stream', 'assert'];
  const names = builtins.filter((name) => !new RegExp(`\\b(?:const|let|class)\\b[^;\\n]*\\b${name}\\b`).test(source));
  const head = names.map((name) => `var ${name}=require('${name}')`).join(';');
  const run = loader.Module.compile(
    `${head};return eval(${JSON.stringify(source)})`,
    `${path}:${source.length}:${task.pid}`,
  );
  return run.call(
    module.exports,
    module.exports,
    loader.Module.createRequire(path),
    module,
    path,
    task.cwd,
    loader.importer(path),
  );
}

/** For `execSync` and its like: all that runs before the program would first wait. */
synchronousNode.run = (task) => {
  const line = parseCommandLine(task.argv, task.env);
  if (line.mode === 'version') {
    task.write(1, Buffer.from(`${platform.version}\n`));
    task.end({ exitCode: 0, signal: null });
    return;
  }
  const runtime = prepare(task, line);
  try {
    if (line.mode === 'file') runtime.loader.Module._load(mainFile(task, line.subject), null, true);
    else {
      const value = evaluateScript(task, runtime, line.subject, joinPath(task.cwd, '[eval]'));
      if (line.mode === 'print') runtime.console.log(value);
    }
    if (task.idle) (runtime.process.exit as () => void)();
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    if (!(error instanceof TaskEnded)) reportUncaught(runtime.process, task, error, 'uncaughtException');
  }
};
