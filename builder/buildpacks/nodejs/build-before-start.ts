/** A command that builds: a script called `build` or `build:…`, or the compiler of TypeScript. */
const builds = /^(?:(?:npm|pnpm|yarn|bun) (?:run )?build(?::[\w:.-]+)?|(?:npx )?tsc(?: [\w./-]+)*)$/;

/**
 * Splits a start command that builds first, as `npm run build && node dist/server.js` does: what it builds is made when the
 * app is pushed.
 *
 * @returns what builds, and the rest; all of the command where anything else comes first
 */
export function splitStart(command: string): { before: string[]; rest: string } {
  const before = command.split('&&').map((clause) => clause.trim());
  const rest = before.pop() ?? '';
  return before.every((clause) => builds.test(clause)) ? { before, rest } : { before: [], rest: command };
}

/** What the start commands of an app build beyond its build script, each line once. */
export function buildsBeforeStart(commands: readonly (string | undefined)[], built: string | undefined): string[] {
  const lines = commands.flatMap((command) => splitStart(command ?? '').before);
  return [...new Set(lines)].filter((line) => scriptOf(line) === undefined || scriptOf(line) !== built);
}

/** The script that a line runs: `npm run build:ts`. */
export const scriptOf = (line: string): string | undefined =>
  /^(?:npm|pnpm|yarn|bun) (?:run )?(build\S*)$/.exec(line)?.[1];
