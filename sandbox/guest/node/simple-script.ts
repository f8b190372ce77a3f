/** The part of the shell's language that can run without waiting: words, quotes, variables, `&&`, `||` and `;`. */

export interface Clause {
  argv: string[];
  env?: Record<string, string>;
  /** What stands before it. */
  joined: '&&' | '||' | ';';
}

/**
 * @throws Error with code ERR_SANDBOX_SYNC for what goes beyond it: pipes, substitutions, globs, redirections to files
 */
export function parseSimpleScript(script: string, env: Record<string, string>): Clause[] {
  const clauses: Clause[] = [];
  let joined: Clause['joined'] = ';';
  let argv: string[] = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) argv.push(word);
    word = undefined;
  };
  const endClause = (next: Clause['joined']) => {
    endWord();
    const assignments: Record<string, string> = {};
    while (argv[0] !== undefined && /^[A-Za-z_]\w*=/.test(argv[0])) {
      const [name = '', ...value] = (argv.shift() as string).split('=');
      assignments[name] = value.join('=');
    }
    if (argv.length > 0) clauses.push({ argv, env: assignments, joined });
    argv = [];
    joined = next;
  };
  // Standard error kept apart or dropped makes no difference to what a caller reads.
  const text = script.trim().replace(/\s2>\s*(?:\/dev\/null|&1)/g, '');
  const token =
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(&&|\|\||;|\n)|(\s+)|([^\s'"\\;&|<>`$*?()[\]{}]+|\$\w+|\$\{\w+\})|(.)/gsy;
  const expand = (value: string): string =>
    value.replace(
      /\$(\w+)|\$\{(\w+)\}/g,
      (_, bare: string | undefined, braced: string | undefined) => env[bare ?? braced ?? ''] ?? '',
    );
  for (const [, single, double, escaped, operator, space, plain, other] of text.matchAll(token)) {
    if (operator !== undefined) endClause(operator === '\n' ? ';' : (operator as Clause['joined']));
    else if (space !== undefined) endWord();
    else if (other !== undefined || (double !== undefined && /`|\$\(/.test(double))) {
      throw Object.assign(
        new Error(
          `The sandbox cannot wait for the shell line ${JSON.stringify(script)}: it has more than plain commands. Use the form without "Sync".`,
        ),
        { code: 'ERR_SANDBOX_SYNC' },
      );
    } else {
      word = (word ?? '') + (single ?? escaped ?? expand(double?.replace(/\\(["\\$`])/g, '$1') ?? plain ?? ''));
    }
  }
  endClause(';');
  return clauses;
}
