import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { BIN } from './binstubs.ts';

/** How a process type starts: edge/runtimes/ruby/index.ts says what becomes of it. */
export interface Start {
  kind: 'rackup' | 'script' | 'command';
  /** A path relative to the app's tree; of a command, its name. */
  file: string;
  args?: string[];
}

/** Commands that serve a config.ru, in the words of their own options. */
const SERVERS = new Set([
  'rackup',
  'puma',
  'pumactl',
  'thin',
  'unicorn',
  'unicorn_rails',
  'falcon',
  'passenger',
  'iodine',
]);

/**
 * Finds what a command of a Procfile starts.
 *
 * @returns undefined when it is no command that Islet knows
 * @throws BuildFailure when the file that it starts is not there
 */
export function resolveStart(command: string, tree: string): Start | undefined {
  const words = command
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
  while (words[0] === 'bundle' && words[1] === 'exec') words.splice(0, 2);
  while (/^\w+=/.test(words[0] ?? '')) words.shift();
  const [program = '', ...args] = words;
  const name = program.replace(/^(\.\/)?bin\//, '');
  if (SERVERS.has(name))
    return present({ kind: 'rackup', file: args.find((arg) => arg.endsWith('.ru')) ?? 'config.ru' }, tree);
  if (name === 'rails' && /^s(erver)?$/.test(args[0] ?? ''))
    return present({ kind: 'rackup', file: 'config.ru' }, tree);
  const at = name === 'ruby' ? args.findIndex((arg) => arg.endsWith('.rb')) : -1;
  const script = args[at];
  if (script) return present({ kind: 'script', file: script, args: args.slice(at + 1) }, tree);
  if (existsSync(join(tree, program)) && /\.rb$|^(\.\/)?bin\//.test(program))
    return { kind: 'script', file: program, args };
  return name === 'rake' || existsSync(join(tree, BIN, name)) ? { kind: 'command', file: name, args } : undefined;
}

function present(start: Start, tree: string): Start {
  if (existsSync(join(tree, start.file))) return start;
  throw new BuildFailure(`The Procfile starts ${start.file}, which is not there.`);
}
