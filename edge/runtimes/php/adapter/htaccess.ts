/** What apps use of Apache's `.htaccess`: mod_rewrite, FallbackResource, DirectoryIndex ("Apache HTTP Server 2.4"). */

export interface Htaccess {
  /** Whether RewriteEngine is on. */
  rewrites: boolean;
  rules: Rule[];
  fallback?: string;
  index?: string[];
}

interface Rule {
  conditions: Condition[];
  pattern: RegExp;
  negated: boolean;
  /** `-` changes nothing. */
  substitution: string;
  flags: Map<string, string>;
}

interface Condition {
  test: string;
  /** `-f`, `-d` and the like, or a regular expression. */
  pattern: string | RegExp;
  negated: boolean;
  or: boolean;
}

/** @param report takes what is not understood, one sentence each */
export function parseHtaccess(text: string, report: (problem: string) => void): Htaccess {
  const parsed: Htaccess = { rewrites: false, rules: [] };
  let conditions: Condition[] = [];
  for (const line of text.replaceAll('\\\n', ' ').split(/\r?\n/)) {
    const [directive = '', ...args] = words(line);
    try {
      switch (directive.toLowerCase()) {
        case 'rewriteengine':
          parsed.rewrites = /^on$/i.test(args[0] ?? '');
          break;
        case 'rewritecond':
          conditions.push(condition(args));
          break;
        case 'rewriterule':
          parsed.rules.push(rule(args, conditions));
          conditions = [];
          break;
        case 'fallbackresource':
          parsed.fallback = args[0] === 'disabled' ? undefined : args[0];
          break;
        case 'directoryindex':
          parsed.index = args;
          break;
      }
    } catch (error) {
      conditions = [];
      report(`.htaccess: ${line.trim()}: ${(error as Error).message}`);
    }
  }
  return parsed;
}

/** Words of a line; quotes keep spaces. A comment has none. */
const words = (line: string): string[] =>
  /^\s*#/.test(line)
    ? []
    : [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');

const flagsOf = (text = ''): Map<string, string> =>
  new Map(
    text
      .replace(/^\[|\]$/g, '')
      .split(',')
      .filter(Boolean)
      .map((flag) => {
        const [name = '', value = ''] = flag.trim().split(/=(.*)/s);
        return [name.toUpperCase(), value] as const;
      }),
  );

function condition([test = '', text = '', options]: string[]): Condition {
  const flags = flagsOf(options);
  const negated = text.startsWith('!');
  const pattern = negated ? text.slice(1) : text;
  const caseless = flags.has('NC') || flags.has('NOCASE');
  return {
    test,
    pattern: /^-[dfsl]$/.test(pattern) ? pattern : new RegExp(pattern, caseless ? 'i' : ''),
    negated,
    or: flags.has('OR') || flags.has('ORNEXT'),
  };
}

function rule([pattern = '', substitution = '-', options]: string[], conditions: Condition[]): Rule {
  const flags = flagsOf(options);
  const negated = pattern.startsWith('!');
  const caseless = flags.has('NC') || flags.has('NOCASE');
  return {
    conditions,
    pattern: new RegExp(negated ? pattern.slice(1) : pattern, caseless ? 'i' : ''),
    negated,
    substitution,
    flags,
  };
}

export interface RewriteRequest {
  /** Decoded, from the document root; begins with a slash. */
  path: string;
  /** Without `?`. */
  query: string;
  /** Server variables: `HTTP_HOST`, `REQUEST_METHOD`, … */
  variables: Readonly<Record<string, string>>;
  isFile(path: string): boolean;
  isDirectory(path: string): boolean;
}

export type Rewritten =
  | { path: string; query: string; changed: boolean; end: boolean }
  | { redirect: string; status: number }
  | { status: number };

/**
 * Applies the rules of one directory, once.
 *
 * @param directory the directory that has the file: `/` or `/blog/`
 */
export function rewrite({ rules }: Htaccess, directory: string, request: RewriteRequest): Rewritten {
  let { path, query } = request;
  let changed = false;
  let end = false;
  for (const { conditions, pattern, negated, substitution, flags } of rules) {
    const matched = pattern.exec(path.slice(directory.length));
    if (Boolean(matched) === negated) continue;
    const groups = holds(conditions, { ...request, path, query }, matched);
    if (!groups) continue;
    if (flags.has('F')) return { status: 403 };
    if (flags.has('G')) return { status: 410 };
    if (substitution !== '-') {
      const text = expand(substitution, matched, groups, { ...request, path, query });
      const [target = '', added] = text.split(/\?(.*)/s);
      const both = [added, query].filter(Boolean).join('&');
      query = added === undefined ? query : flags.has('QSA') || flags.has('QSAPPEND') ? both : added;
      const place = /^(https?:)?\//.test(target) ? target : directory + target;
      const redirects = flags.get('R') ?? flags.get('REDIRECT');
      if (redirects !== undefined || /^https?:/.test(place)) {
        const search = query ? `?${query}` : '';
        return { redirect: encodeURI(place) + search, status: Number(redirects) || 302 };
      }
      changed ||= place !== path;
      path = place;
    }
    end ||= flags.has('END');
    if (flags.has('L') || flags.has('LAST') || flags.has('END')) break;
  }
  return { path, query, changed, end };
}

/** What the last regular expression of the conditions caught; undefined when they do not hold. */
function holds(
  conditions: readonly Condition[],
  request: RewriteRequest,
  matched: RegExpExecArray | null,
): readonly string[] | undefined {
  let groups: readonly string[] = [];
  let alternative = false;
  for (const { test, pattern, negated, or } of conditions) {
    if (!alternative) {
      const text = expand(test, matched, groups, request);
      const found = typeof pattern === 'string' ? isThere(pattern, text, request) : pattern.exec(text);
      if (typeof found === 'object' && found && !negated) groups = [...found];
      const held = Boolean(found) !== negated;
      if (!held && !or) return undefined;
      alternative = held && or;
    } else alternative = or;
  }
  return groups;
}

function isThere(test: string, place: string, { isFile, isDirectory, variables }: RewriteRequest): boolean {
  const path = place.replace(variables.DOCUMENT_ROOT ?? '', '');
  return test === '-d' ? isDirectory(path) : isFile(path);
}

/** Puts in `$1` of the rule, `%1` of its conditions, and `%{VARIABLE}`. */
const expand = (
  text: string,
  matched: readonly (string | undefined)[] | null,
  groups: readonly string[],
  { path, query, variables }: RewriteRequest,
): string =>
  text.replace(/\$(\d)|%(\d)|%\{([^}]+)\}|\\(.)/g, (_, group, conditionGroup, variable, escaped) => {
    if (group !== undefined) return matched?.[Number(group)] ?? '';
    if (conditionGroup !== undefined) return groups[Number(conditionGroup)] ?? '';
    if (escaped !== undefined) return escaped;
    if (variable === 'REQUEST_FILENAME') return `${variables.DOCUMENT_ROOT ?? ''}${path}`;
    if (variable === 'QUERY_STRING') return query;
    const name = variable.replace(
      /^HTTP:(.*)$/,
      (_: string, header: string) => `HTTP_${header.toUpperCase().replaceAll('-', '_')}`,
    );
    return variables[name] ?? '';
  });
