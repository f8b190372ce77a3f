/** The inside of the machine: answers its host over a WebSocket, which is held as long as the machine lives. */
import { pack, unpack } from '../images/values.ts';
import {
  bytesAsEntries,
  type Channel,
  channels,
  collectEntries,
  decodeEntries,
  type Exit,
  encodeEntries,
  type TreeEntry,
} from '../protocol.ts';
import { Rpc } from '../rpc.ts';
import { host, type WasiRun } from './host.ts';
import { installFinalization } from './node/finalization.ts';
import { installGlobals, reportRejection } from './node/globals.ts';
import { installImages } from './node/images.ts';
import { platform } from './node/process.ts';
import { installWaiting } from './node/waiting.ts';
import { Pipe } from './pipe.ts';
import { node, tsx } from './programs/node.ts';
import { npm, npx } from './programs/npm.ts';
import { register, start } from './programs/program.ts';
import { sh } from './programs/sh.ts';
import { tar } from './programs/tar.ts';
import { wasi } from './programs/wasi.ts';
import { currentTask, type Environment, type Sink, type Task, TaskEnded, tasks } from './task.ts';
import { fs, importEntries, listChanges, onTreeLimit, treeLimits } from './tree.ts';

interface Configuration {
  files: number;
  treeBytes: number;
  outputBytes: number;
  nodeVersion: string;
}

interface SpawnParams {
  argv: string[];
  env: Environment;
  cwd: string;
}

const defaultEnvironment: Environment = {
  HOME: '/root',
  PATH: '/usr/local/bin:/usr/bin:/bin',
  PWD: '/',
  SHELL: '/bin/sh',
  TMPDIR: '/tmp',
  USER: 'sandbox',
};

for (const program of [node, tsx, npm, npx, sh, tar, wasi]) register(program);
for (const directory of ['/tmp', '/root', '/app', '/dev', '/usr/local/bin'])
  fs.mkdirSync(directory, { recursive: true });
fs.writeFileSync('/dev/null', '');
installGlobals();
installFinalization();
installWaiting();
installImages();
addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  const task = currentTask();
  if (task) reportRejection(task, event.reason);
});

function serve(socket: WebSocket): void {
  let outputBytes = 0;
  const running = new Map<number, { task: Task; stdin: Pipe }>();
  /** Runs of WASI programs by the id of their call. */
  const wasiRuns = new Map<number, WasiRun>();
  /** The bytes of images that come back, by the id of their call. */
  const images = new Map<number, TreeEntry[]>();

  const rpc = new Rpc(
    (message) => socket.send(message),
    {
      configure: (params) => {
        const configuration = params as Configuration;
        treeLimits.files = configuration.files;
        treeLimits.bytes = configuration.treeBytes;
        platform.version = configuration.nodeVersion;
        outputBytes = configuration.outputBytes;
      },
      spawn: async (params, id): Promise<Exit> => {
        const { argv, env, cwd } = params as SpawnParams;
        const stdin = new Pipe();
        let written = 0;
        const sink =
          (channel: Channel): Sink =>
          (chunk) => {
            written += chunk.length;
            rpc.sendFrame(channel, id, chunk);
            if (written <= outputBytes) return;
            // The host has to hear of it, which it cannot while a program goes on writing.
            for (const writer of tasks.values()) writer.end({ exitCode: null, signal: 'SIGKILL' });
            throw new TaskEnded();
          };
        const task: Task = start({
          argv,
          env: { ...defaultEnvironment, PWD: cwd, ...env },
          cwd,
          stdin,
          stdout: sink(channels.stdout),
          stderr: sink(channels.stderr),
        });
        running.set(id, { task, stdin });
        const exit = await task.exited;
        running.delete(id);
        return exit;
      },
      endStdin: (id) => running.get(id as number)?.stdin.end(),
      kill: (params) => {
        const { id, signal } = params as { id: number; signal: string };
        return running.get(id)?.task.kill(signal) ?? false;
      },
      /** Everything imported before it is in the tree when this is answered. */
      sync: () => null,
      changes: (root, id) => {
        for (const batch of encodeEntries(listChanges(String(root)))) rpc.sendFrame(channels.files, id, batch);
        return null;
      },
    },
    (channel, id, payload) => {
      if (channel === channels.stdin) running.get(id)?.stdin.write(payload);
      else if (channel === channels.stdout) wasiRuns.get(id)?.stdout(payload);
      else if (channel === channels.stderr) wasiRuns.get(id)?.stderr(payload);
      else {
        const run = wasiRuns.get(id);
        const image = images.get(id);
        if (image) collectEntries(image, decodeEntries(payload));
        else if (run) run.changes(decodeEntries(payload));
        else importEntries(decodeEntries(payload));
      }
    },
  );

  onTreeLimit.report = (limit, used) => void rpc.call('limit', { limit, used }).answer.catch(() => {});
  host.runWasi = async (run) => {
    const { argv, env, cwd, module } = run;
    const { id } = rpc.call('expectWasi', null);
    wasiRuns.set(id, run);
    for (const batch of encodeEntries(run.files)) rpc.sendFrame(channels.files, id, batch);
    rpc.sendFrame(channels.stdin, id, run.stdin);
    const { answer } = rpc.call('wasi', { id, argv, env, cwd, module });
    run.signal.addEventListener('abort', () => void rpc.call('killWasi', id).answer.catch(() => {}));
    try {
      return (await answer) as Exit;
    } finally {
      wasiRuns.delete(id);
    }
  };

  host.workOnImage = async (operation, options) => {
    const packed = pack(options);
    const { id } = rpc.call('expectImage', null);
    const entries: TreeEntry[] = [];
    images.set(id, entries);
    for (const batch of encodeEntries(bytesAsEntries(packed.bytes))) rpc.sendFrame(channels.files, id, batch);
    try {
      const value = await rpc.call('image', { id, operation, options: packed.value }).answer;
      return unpack({ value, bytes: entries.flatMap((entry) => (entry.type === 'file' ? [entry.content] : [])) });
    } finally {
      images.delete(id);
    }
  };

  socket.addEventListener('message', ({ data }) => {
    rpc.receive(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
  });
}

export default {
  fetch(request: Request): Response {
    if (request.headers.get('upgrade') !== 'websocket') return new Response(null, { status: 426 });
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = 'arraybuffer';
    server.accept();
    serve(server);
    return new Response(null, { status: 101, webSocket: client });
  },
};
