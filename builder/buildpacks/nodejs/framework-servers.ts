import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A server that a framework's build leaves. */
interface FrameworkServer {
  /** The file that runs it, relative to the app's root; of several the first that is there. */
  files: readonly string[];
  /** The framework's own command that starts it, with its first argument. */
  command?: RegExp;
  /** What else tells it from any other file of that name. */
  beside?: string;
  /** The file that the command names, where it is meant for the directory of the build: only without it. */
  unless?: string;
}

const servers: readonly FrameworkServer[] = [
  // Nuxt and whatever else is built by Nitro.
  { files: ['.output/server/index.mjs'], command: /^(nuxt|nuxi) (start|preview)$/ },
  // Astro with @astrojs/node in its mode "standalone".
  { files: ['dist/server/entry.mjs'], command: /^astro preview$/ },
  // SvelteKit with @sveltejs/adapter-node.
  { files: ['build/index.js'], beside: 'build/handler.js' },
  // AdonisJS, which is started from within `build`.
  {
    files: ['build/bin/server.js'],
    command: /^node (\.\/)?bin\/server(\.js)?$/,
    beside: 'build/ace.js',
    unless: 'bin/server.js',
  },
  // NestJS, whose command compiles again and starts another process.
  { files: ['dist/main.js', 'dist/src/main.js'], command: /^nest start$/, beside: 'nest-cli.json' },
];

/**
 * The file that a framework's own start command comes down to.
 *
 * @param command its name and first argument: `nest start`
 * @returns undefined for any other command; the file where the framework leaves it, even if it is not there
 */
export function fileOfCommand(command: string, tree: string): string | undefined {
  const isThere = (file: string): boolean => existsSync(join(tree, file));
  const isMeant = ({ beside, unless }: FrameworkServer): boolean =>
    unless === undefined || (!isThere(unless) && beside !== undefined && isThere(beside));
  const files = servers.find((server) => server.command?.test(command) && isMeant(server))?.files;
  return files?.find(isThere) ?? files?.[0];
}

/**
 * The server that a build has left in an app that does not say how to start it.
 *
 * @returns its file, relative to the tree
 */
export function findServer(tree: string): string | undefined {
  const isThere = (file: string): boolean => existsSync(join(tree, file));
  const left = servers.filter(({ beside }) => beside === undefined || isThere(beside));
  return left.flatMap(({ files }) => files).find(isThere);
}
