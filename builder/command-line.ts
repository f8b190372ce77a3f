/**
 * The part of a start command that can be understood without a shell: assignments, a program, arguments; quotes as in
 * POSIX (section 2.2, "Quoting").
 */
export interface CommandLine {
  /** `PORT=80 node server.js`: what the command sets for itself. */
  environment: Record<string, string>;
  words: string[];
}

/**
 * Splits a command. `$NAME` stays as it is written: only the instance knows its value.
 *
 * @returns undefined for what only a shell can run: pipes, lists, redirections, substitutions
 */
export function parseCommandLine(command: string): CommandLine | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < command.length; at++) {
    const char = command.charAt(at);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word = (word ?? '') + char;
    } else if (char === '\\' && at + 1 < command.length) {
      word = (word ?? '') + command.charAt(++at);
    } else if (char === '`' || (char === '$' && command.charAt(at + 1) === '(')) {
      return undefined;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if ('|&;<>()'.includes(char)) {
      return undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined) return undefined;
  if (word !== undefined) words.push(word);

  const environment: Record<string, string> = {};
  let first = 0;
  for (; first < words.length; first++) {
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[first] ?? '');
    if (assignment?.[1] === undefined) break;
    environment[assignment[1]] = assignment[2] ?? '';
  }
  return { environment, words: words.slice(first) };
}

/** Whether a word has a variable in it: `$PORT`. */
export const hasVariable = (word: string): boolean => /\$\w|\$\{/.test(word);

/**
 * A JavaScript expression for a word in which `$NAME` and `${NAME:-default}` are variables.
 *
 * @param environment the expression that has them: `process.env`
 */
export function expanded(word: string, environment: string): string {
  const parts: string[] = [];
  let end = 0;
  for (const match of word.matchAll(/\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})/g)) {
    parts.push(JSON.stringify(word.slice(end, match.index)));
    parts.push(`(${environment}[${JSON.stringify(match[1] ?? match[2])}] || ${JSON.stringify(match[3] ?? '')})`);
    end = match.index + match[0].length;
  }
  return [...parts, JSON.stringify(word.slice(end))].join(' + ');
}
