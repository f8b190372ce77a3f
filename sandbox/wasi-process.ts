/**
 * The process that runs a machine's WASI commands under Wasmer. It is started by wasi.ts and talks to it over the IPC
 * channel of node:child_process; a program in it has its own files, no network and nothing of this process.
 *
 * Wasmer lets a host reach the files below /workspace only, so that is where the command's directory stands. It is the
 * preopened directory `.` of the program.
 */
import {
  type FileContents,
  type Package,
  type Process,
  type ReadableBytes,
  type Sandbox,
  Wasmer,
} from '@wasmer/sdk/node';
import type { Exit, TreeEntry } from './protocol.ts';

/** A command to run; a new file's content is at its path, relative to the directory. */
export interface WasiCommand {
  id: number;
  argv: string[];
  env: Record<string, string>;
  program: Uint8Array;
  files: TreeEntry[];
  stdin: Uint8Array;
}

export type WasiRequest = { run: WasiCommand } | { kill: number };
export type WasiReport =
  | { id: number; fd: 1 | 2; chunk: Uint8Array }
  | { id: number; exit: Exit; changes: TreeEntry[] }
  | { id: number; error: string };

const root = '/workspace';
const wasmer = new Wasmer({ cache: false, parallelism: 1 });
/** The program that ran last: a build runs the same one many times, and a large one takes a second to compile. */
let last: { bytes: Uint8Array; loaded: Promise<Package> } | undefined;
const running = new Map<number, Process>();

function load(bytes: Uint8Array): Promise<Package> {
  if (last === undefined || Buffer.compare(last.bytes, bytes) !== 0) {
    const loaded = wasmer.packages.create({ modules: { main: bytes }, commands: { main: { module: 'main' } } });
    last = { bytes, loaded };
  }
  return last.loaded;
}

function report(message: WasiReport): void {
  process.send?.(message);
}

async function run({ id, argv, env, program, files, stdin }: WasiCommand): Promise<void> {
  const contents: Record<string, FileContents> = {};
  for (const entry of files) if (entry.type === 'file') contents[`${root}/${entry.path}`] = entry.content;
  const sandbox = await wasmer.sandboxes.create({ packages: [await load(program)], files: contents });
  try {
    for (const { type, path } of files) {
      if (type === 'directory') await sandbox.fs.mkdir(`${root}/${path}`, { recursive: true });
    }
    const command = sandbox.command('main', argv.slice(1), { cwd: root, env: { ...env, PWD: root } });
    const started = await command.spawn({ stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
    running.set(id, started);
    await Promise.all([
      // A program that ends without reading its input is no failure.
      feed(started, stdin).catch(() => {}),
      forward(started.stdout, (chunk) => report({ id, fd: 1, chunk })),
      forward(started.stderr, (chunk) => report({ id, fd: 2, chunk })),
    ]);
    const { exitCode, reason } = await started.wait({ check: false });
    const exit: Exit = reason === 'exited' ? { exitCode, signal: null } : { exitCode: null, signal: 'SIGKILL' };
    report({ id, exit, changes: await changesIn(sandbox, files) });
  } finally {
    running.delete(id);
    await sandbox.close();
  }
}

async function feed({ stdin }: Process, bytes: Uint8Array): Promise<void> {
  if (bytes.length > 0) await stdin?.write(bytes);
  await stdin?.close();
}

async function forward(source: ReadableBytes | null, sink: (chunk: Uint8Array) => void): Promise<void> {
  if (source) for await (const chunk of source) sink(chunk);
}

/** What the program created, changed or deleted. */
async function changesIn(sandbox: Sandbox, before: TreeEntry[]): Promise<TreeEntry[]> {
  const known = new Map(before.map((entry) => [entry.path, entry]));
  const changes: TreeEntry[] = [];
  const visit = async (directory: string): Promise<void> => {
    for (const { name, kind } of await sandbox.fs.readDir(`${root}/${directory}`)) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const old = known.get(path);
      known.delete(path);
      if (kind === 'directory') {
        if (old?.type !== 'directory') changes.push({ type: 'directory', path, mode: 0o755 });
        await visit(path);
        continue;
      }
      const content = await sandbox.fs.readFile(`${root}/${path}`);
      if (old?.type === 'file' && Buffer.compare(old.content, content) === 0) continue;
      changes.push({ type: 'file', path, mode: old?.type === 'file' ? old.mode : 0o644, content });
    }
  };
  await visit('');
  return [...[...known.keys()].map((path): TreeEntry => ({ type: 'deleted', path })), ...changes];
}

process.on('message', (request: WasiRequest) => {
  if ('kill' in request) void running.get(request.kill)?.kill();
  else {
    const { id } = request.run;
    run(request.run).catch((error: unknown) =>
      report({ id, error: error instanceof Error ? error.message : String(error) }),
    );
  }
});
process.on('disconnect', () => process.exit());
