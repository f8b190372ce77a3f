import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from '../../failure.ts';

/** How a process type starts: edge/runtimes/ruby/index.ts says what becomes of it. */
export interface Start {
  kind: 'rackup' | 'script';
  file: string;
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
 * Finds what a command of a Procfile serves.
 *
 * @throws BuildFailure when it serves nothing that Islet knows, or a file that is not there
 */
export function resolveStart(command: string, tree: string): Start {
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
  const script = name === 'ruby' ? args.find((arg) => arg.endsWith('.rb')) : undefined;
  if (script) return present({ kind: 'script', file: script }, tree);
  throw new BuildFailure(`Islet does not know how to start \`${command}\`.`, {
    help: ['A Ruby app starts by `rackup`, `puma`, `thin`, `unicorn`, `rails server`, or `ruby app.rb`.'],
  });
}

function present(start: Start, tree: string): Start {
  if (existsSync(join(tree, start.file))) return start;
  throw new BuildFailure(`The process type web starts ${start.file}, which is not there.`);
}
