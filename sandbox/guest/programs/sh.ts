import { resolve as joinPath } from 'node:path';
import { runInteractive } from '../interactive-shell.ts';
import { runShell } from '../shell.ts';
import { fs } from '../tree.ts';
import type { Program } from './program.ts';

/** `sh -c line [name [argument…]]`, `sh file [argument…]`, a script on standard input, or `sh -i`. */
export const sh: Program = {
  names: ['sh', 'bash', 'dash', 'ash'],
  async run(task) {
    const args = task.argv.slice(1);
    let prefix = '';
    let isInteractive = false;
    while (args[0]?.startsWith('-') && args[0] !== '-') {
      const option = args.shift() as string;
      if (option === '--') break;
      if (option === '-o') prefix += `set -o ${args.shift()}\n`;
      else if (!option.startsWith('--')) {
        isInteractive ||= option.includes('i');
        const flags = option.slice(1).replace(/[cils]/g, '');
        if (flags !== '') prefix += `set -${flags}\n`;
        if (option.includes('c')) {
          const [line = '', , ...positional] = args;
          return runShell(task, prefix + line, { positional });
        }
      }
    }
    const [file, ...positional] = args;
    if (file === undefined && isInteractive) return runInteractive(task);
    if (file === undefined || file === '-') return runShell(task, prefix + Buffer.from(await task.stdin.readAll()));
    const path = joinPath(task.cwd, file);
    if (!fs.existsSync(path)) {
      task.write(2, Buffer.from(`sh: ${file}: No such file or directory\n`));
      return 127;
    }
    return runShell(task, prefix + String(fs.readFileSync(path, 'utf8')), { positional, scriptPath: file });
  },
};
