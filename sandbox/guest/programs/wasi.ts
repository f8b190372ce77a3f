import { resolve as joinPath } from 'node:path';
import { host } from '../host.ts';
import { shellStatus } from '../task.ts';
import { applyEntries, fs, listTree } from '../tree.ts';
import type { Program } from './program.ts';

/** WASI commands: a file that begins as WebAssembly, or `wasi <file> [argument…]`. The host runs them under Wasmer. */
export const wasi: Program = {
  names: ['wasi'],
  async run(task) {
    const argv = task.argv[0] === 'wasi' ? task.argv.slice(1) : task.argv;
    const [file] = argv;
    if (file === undefined) {
      task.write(2, Buffer.from('usage: wasi <file> [argument…]\n'));
      return 2;
    }
    const module = joinPath(task.cwd, file);
    if (!fs.existsSync(module)) {
      task.write(2, Buffer.from(`wasi: ${file}: No such file or directory\n`));
      return 127;
    }
    const ended = new AbortController();
    task.cleanups.add(() => ended.abort());
    const exit = await host.runWasi({
      argv,
      env: task.env,
      cwd: task.cwd,
      stdin: await task.stdin.readAll(),
      files: [
        ...listTree(task.cwd),
        {
          type: 'file',
          path: module,
          mode: 0o755,
          content: new Uint8Array(fs.readFileSync(module, 'buffer') as Buffer),
        },
      ],
      module,
      signal: ended.signal,
      stdout: (chunk) => task.write(1, chunk),
      stderr: (chunk) => task.write(2, chunk),
      changes: (entries) => applyEntries(entries, task.cwd),
    });
    if (exit.signal !== null) task.end(exit);
    return shellStatus(exit);
  },
};
