/** What Python's boot.py runs; see edge/runtimes/python/adapter/lib/islet/boot.py. */
export type PythonStart =
  | { kind: 'script'; file: string; args: string[] }
  | { kind: 'module'; module: string; args: string[] }
  | { kind: 'code'; code: string; args: string[] };

/** Options without a value that change nothing here. */
const FLAGS = /^-[bBdEiIOPqsSuvx]+$/;

/**
 * Reads the arguments of `python` ("Command line and environment", Python documentation).
 *
 * @returns `input` when standard input has the code
 */
export function parsePython(words: readonly string[]): { start: PythonStart } | { input: true } | { refused: string } {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const rest = words.slice(at + 1);
    if (word === '-V' || word === '--version') {
      return { start: { kind: 'code', code: 'import platform; print("Python", platform.python_version())', args: [] } };
    }
    if (word === '-W' || word === '-X') at += 1;
    else if (word === '-c' || word === '-m') {
      const [value, ...args] = rest;
      if (value === undefined) return { refused: `Argument expected for the ${word} option` };
      return { start: word === '-c' ? { kind: 'code', code: value, args } : { kind: 'module', module: value, args } };
    } else if (word === '-') break;
    else if (!word.startsWith('-')) return { start: { kind: 'script', file: word, args: rest } };
    else if (!FLAGS.test(word) && !/^-[WX]./.test(word)) return { refused: `unknown option ${word}` };
  }
  return { input: true };
}
