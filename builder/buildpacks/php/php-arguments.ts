/** What `php` runs: a file, or the text of one; with neither, what standard input has. */
export interface PhpStart {
  file?: string;
  code?: string;
  args: string[];
  /** Lines of php.ini. */
  settings: string[];
}

/** Options with a value that change nothing here. */
const IGNORED = new Set(['-c', '-z']);

/** Reads the arguments of `php` ("Command line options", PHP manual). */
export function parsePhp(words: readonly string[]): (PhpStart & { refused?: never }) | { refused: string } {
  const settings: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [option, attached] = word.startsWith('--') ? [word, ''] : [word.slice(0, 2), word.slice(2)];
    const rest = (from: number) => ({ settings, args: words.slice(words[from] === '--' ? from + 1 : from) });
    const value = attached || words[at + 1];
    const next = attached ? at + 1 : at + 2;
    if (word === '-' || word === '--') return rest(at + 1);
    if (!word.startsWith('-')) return { file: word, ...rest(at + 1) };
    if (word === '-v' || word === '--version') return { code: VERSION, ...rest(words.length) };
    if (word === '-m' || word === '--modules') return { code: MODULES, ...rest(words.length) };
    if (word === '-i' || word === '--info') return { code: '<?php phpinfo();', ...rest(words.length) };
    if (word === '-n' || word === '-q' || word === '-C') continue;
    if (option === '-d' || option === '-f' || option === '-r' || IGNORED.has(option)) {
      if (value === undefined) return { refused: `no value for the option ${option}` };
      if (option === '-r') return { code: `<?php ${value}`, ...rest(next) };
      if (option === '-f') return { file: value, ...rest(next) };
      if (option === '-d') settings.push(value.includes('=') ? value : `${value}=1`);
      at = next - 1;
    } else return { refused: `the option ${word} is not available here` };
  }
  return { args: [], settings };
}

const VERSION = '<?php echo "PHP ", PHP_VERSION, " (cli) (WebAssembly)\\nZend Engine v", zend_version(), "\\n";';
const MODULES = '<?php echo "[PHP Modules]\\n", implode("\\n", get_loaded_extensions()), "\\n";';
