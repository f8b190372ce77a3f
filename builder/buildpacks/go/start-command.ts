import { expanded, parseCommandLine } from '../../command-line.ts';

/** What a process type runs. */
export interface StartCommand {
  /** The name of one of the app's programs. */
  program: string;
  /** The module that is its entry, below `code/`. */
  module: string;
}

/**
 * Reads a command that runs a program of the app: `bin/server -port=$PORT`.
 *
 * @param programs the names of those that there are
 * @returns undefined for any other command
 */
export function resolveStart(command: string, programs: readonly string[]): StartCommand | undefined {
  const line = parseCommandLine(command.replace(/^exec\s+/, ''));
  const [word, ...rest] = line?.words ?? [];
  if (!line || word === undefined || Object.keys(line.environment).length > 0) return undefined;
  const name = word.replace(/^(?:\.\/|\/app\/)?(?:bin\/)?/, '');
  if (!programs.includes(name)) return undefined;
  const argv = [JSON.stringify(word), ...rest.map((argument) => expanded(argument, 'env'))];
  const module = [
    "import { env } from 'cloudflare:workers';",
    `import program from './${name}.wasm';`,
    `export default { program, argv: [${argv.join(', ')}] };`,
  ];
  return { program: name, module: `${module.join('\n')}\n` };
}
