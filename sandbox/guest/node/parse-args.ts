/** `util.parseArgs` ("Util", `util.parseArgs([config])`, Node.js documentation), which the engine does not have. */

interface Option {
  type: 'string' | 'boolean';
  short?: string;
  multiple?: boolean;
  default?: Value | Value[];
}

interface Config {
  args?: readonly string[];
  options?: Record<string, Option>;
  strict?: boolean;
  allowPositionals?: boolean;
  allowNegative?: boolean;
  tokens?: boolean;
}

type Value = string | boolean;

interface OptionToken {
  kind: 'option';
  name: string;
  /** As it was written: `-f`, `--foo`. */
  rawName: string;
  index: number;
  value: string | undefined;
  /** Whether the value was joined to the name: `--foo=bar`, `-fbar`. */
  inlineValue: boolean | undefined;
}

type Token =
  | OptionToken
  | { kind: 'positional'; index: number; value: string }
  | { kind: 'option-terminator'; index: number };

interface Parsed {
  values: Record<string, Value | Value[] | undefined>;
  positionals: string[];
  tokens?: Token[];
}

/**
 * Reads the options and positional arguments of a command line.
 *
 * @throws TypeError of Node's codes `ERR_PARSE_ARGS_…`
 */
export function parseArgs({
  args = [],
  options = {},
  strict = true,
  allowPositionals = !strict,
  allowNegative = false,
  tokens: withTokens = false,
}: Config): Parsed {
  const tokens = tokenize(args, options);
  // Without a prototype, as Node's: an option may have any name.
  const values: Parsed['values'] = Object.create(null);
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (!allowPositionals) {
        throw error(
          'UNEXPECTED_POSITIONAL',
          `Unexpected argument '${token.value}'. This command does not take positional arguments`,
        );
      }
      positionals.push(token.value);
    } else if (token.kind === 'option') {
      if (strict) check(token, options, { allowPositionals, allowNegative });
      store(token, options, { values, allowNegative });
    }
  }
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined) values[name] ??= option.default;
  }
  return { values, positionals, ...(withTokens && { tokens }) };
}

function tokenize(args: readonly string[], options: Record<string, Option>): Token[] {
  const tokens: Token[] = [];
  const typeOf = (name: string): string | undefined => (Object.hasOwn(options, name) ? options[name]?.type : undefined);
  const ofShort = (short: string): string =>
    Object.entries(options).find(([, option]) => option.short === short)?.[0] ?? short;
  const push = (name: string, rawName: string, index: number, value?: string, inlineValue?: boolean) =>
    tokens.push({ kind: 'option', name, rawName, index, value, inlineValue });

  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (arg === '--') {
      tokens.push({ kind: 'option-terminator', index });
      for (const value of args.slice(index + 1)) tokens.push({ kind: 'positional', index: ++index, value });
    } else if (arg.startsWith('--') && arg.length > 2) {
      const equals = arg.indexOf('=', 3);
      if (equals !== -1) push(arg.slice(2, equals), arg.slice(0, equals), index, arg.slice(equals + 1), true);
      else if (typeOf(arg.slice(2)) === 'string' && args[index + 1] !== undefined) {
        push(arg.slice(2), arg, index, args[index + 1], false);
        index++;
      } else push(arg.slice(2), arg, index);
    } else if (arg.startsWith('-') && arg.length > 1) {
      // `-abc` is `-a -b -c`, and what follows one that takes a value is the value: `-fbar`.
      const letters = [...arg.slice(1)];
      for (const [at, letter] of letters.entries()) {
        const name = ofShort(letter);
        const rest = letters.slice(at + 1).join('');
        if (typeOf(name) !== 'string') push(name, `-${letter}`, index);
        else if (rest !== '') {
          push(name, `-${letter}`, index, rest, true);
          break;
        } else if (args[index + 1] !== undefined) {
          push(name, `-${letter}`, index, args[index + 1], false);
          index++;
        } else push(name, `-${letter}`, index);
      }
    } else tokens.push({ kind: 'positional', index, value: arg });
  }
  return tokens;
}

function check(
  { name, rawName, value, inlineValue }: OptionToken,
  options: Record<string, Option>,
  { allowPositionals, allowNegative }: { allowPositionals: boolean; allowNegative: boolean },
): void {
  const negated = allowNegative && !Object.hasOwn(options, name) && name.startsWith('no-') ? name.slice(3) : name;
  const option = Object.hasOwn(options, negated) ? options[negated] : undefined;
  if (option === undefined || (negated !== name && option.type !== 'boolean')) {
    const help = allowPositionals
      ? `. To specify a positional argument starting with a '-', place it at the end of the command after '--', as in '-- ${JSON.stringify(rawName)}`
      : '';
    throw error('UNKNOWN_OPTION', `Unknown option '${rawName}'${help}`);
  }
  const shown = `${option.short === undefined ? '' : `-${option.short}, `}--${negated}`;
  if (option.type === 'string' && value === undefined) {
    throw error('INVALID_OPTION_VALUE', `Option '${shown} <value>' argument missing`);
  }
  if (option.type === 'boolean' && value !== undefined) {
    throw error('INVALID_OPTION_VALUE', `Option '${shown}' does not take an argument`);
  }
  if (!inlineValue && value !== undefined && value.length > 1 && value.startsWith('-')) {
    const example = rawName.startsWith('--') ? `'${rawName}=-XYZ'` : `'--${name}=-XYZ' or '${rawName}-XYZ'`;
    throw error(
      'INVALID_OPTION_VALUE',
      `Option '${rawName}' argument is ambiguous.\nDid you forget to specify the option argument for '${rawName}'?\nTo specify an option argument starting with a dash use ${example}.`,
    );
  }
}

function store(
  token: OptionToken,
  options: Record<string, Option>,
  { values, allowNegative }: { values: Parsed['values']; allowNegative: boolean },
): void {
  const { name, value } = token;
  if (name === '__proto__') return;
  const negates = allowNegative && name.startsWith('no-') && value === undefined;
  // Whoever asks for the tokens gets the name of the option that was meant.
  if (negates) token.name = name.slice(3);
  const stored = negates ? false : (value ?? true);
  const before = values[token.name];
  if (!Object.hasOwn(options, token.name) || !options[token.name]?.multiple) values[token.name] = stored;
  else if (Array.isArray(before)) before.push(stored);
  else values[token.name] = [stored];
}

function error(code: string, message: string): TypeError {
  return Object.assign(new TypeError(message), { code: `ERR_PARSE_ARGS_${code}` });
}
