/** What `ruby` runs: a file, a text, or a command of a gem; see edge/runtimes/ruby/adapter/lib/program.rb. */
export type RubyStart = { args: string[]; libraries: string[]; directories: string[] } & (
  | { file: string }
  | { code: string }
  | { command: string }
);

/** Options without a value that change nothing here. */
const FLAGS =
  /^(-[wvUW]+|-W(:?[\w-]+)|-E.+|-K\w|--(verbose|yjit|jit|enable.*|disable.*|encoding=.*|external-encoding=.*))$/;

/**
 * Reads the arguments of `ruby` (ruby(1), "Options").
 *
 * @returns `input` when standard input has the code
 */
export function parseRuby(words: readonly string[]): RubyStart | { input: true } | { refused: string } {
  const [code, libraries, directories]: [string[], string[], string[]] = [[], [], []];
  const values: Record<string, string[]> = { '-e': code, '-r': libraries, '-I': directories };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const rest = { args: words.slice(at + 1), libraries, directories };
    const list = values[word.slice(0, 2)];
    if (word === '-v' || word === '--version') return { ...rest, code: 'puts RUBY_DESCRIPTION' };
    if (list) {
      const value = word.slice(2) || words[++at];
      if (value === undefined) return { refused: `no value for the option ${word}` };
      list.push(...(list === directories ? value.split(':') : [value]));
    } else if (word === '-S')
      return words[at + 1] ? command(words.slice(at + 1), rest) : { refused: 'no script for -S' };
    else if (code.length > 0 && (word === '--' || !word.startsWith('-'))) {
      return { ...rest, code: code.join('\n'), args: words.slice(word === '--' ? at + 1 : at) };
    } else if (word === '-') return { input: true };
    else if (word === '--') continue;
    else if (!word.startsWith('-')) return { ...rest, file: word };
    else if (!FLAGS.test(word)) return { refused: `the option ${word} is not available here` };
  }
  return code.length > 0 ? { code: code.join('\n'), args: [], libraries, directories } : { input: true };
}

function command([name = '', ...args]: string[], rest: Omit<RubyStart, 'args'>): RubyStart {
  return { libraries: rest.libraries, directories: rest.directories, command: name, args };
}
