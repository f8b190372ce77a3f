/**
 * The files `_redirects` and `_headers` beside static files, as Cloudflare's static assets and Netlify read them.
 */

export interface Redirect {
  from: Pattern;
  to: string;
  /** 200 serves `to` in the place of the path. */
  status: 200 | 301 | 302 | 303 | 307 | 308;
}

export interface HeaderRule {
  path: Pattern;
  set: [name: string, value: string][];
  remove: string[];
}

/** A path in which `:name` stands for what is between two slashes, and one `*` for anything. */
export interface Pattern {
  expression: RegExp;
}

const STATUSES = [200, 301, 302, 303, 307, 308] as const;

/** As many rules as are read of a file, and as long as a line may be (Cloudflare's limits). */
const MAX_RULES = 2_100;
const MAX_LINE = 2_000;

/**
 * Reads `_redirects`: `from to [status]` a line, 302 by default.
 *
 * @param report takes what is wrong, with the number of the line; the line has no effect then
 */
export function parseRedirects(text: string, report: (problem: string) => void): Redirect[] {
  const redirects: Redirect[] = [];
  for (const { line, number } of lines(text)) {
    const [from = '', to, code = '302', ...rest] = line.trim().split(/\s+/);
    const status = STATUSES.find((known) => String(known) === code);
    const wrong = (problem: string) => report(`_redirects, line ${number}: ${problem}`);
    if (!to || rest.length > 0) wrong('a redirect is a path, a destination and at most a status');
    else if (!from.startsWith('/')) wrong(`${from} does not begin with a slash`);
    else if (!status) wrong(`${code} is none of the statuses ${STATUSES.join(', ')}`);
    else if (status === 200 && !to.startsWith('/')) wrong('only a path of this site can be served in place of another');
    else redirects.push({ from: pattern(from), to, status });
    if (redirects.length === MAX_RULES) break;
  }
  return redirects;
}

/**
 * Reads `_headers`: a path, then indented lines `Name: value` or `! Name`.
 *
 * @param report takes what is wrong, with the number of the line; the line has no effect then
 */
export function parseHeaders(text: string, report: (problem: string) => void): HeaderRule[] {
  const rules: HeaderRule[] = [];
  for (const { line, number } of lines(text)) {
    const wrong = (problem: string) => report(`_headers, line ${number}: ${problem}`);
    if (/^\S/.test(line)) {
      if (rules.length === MAX_RULES) break;
      if (line.startsWith('/')) rules.push({ path: pattern(line.trim()), set: [], remove: [] });
      else wrong('a rule begins with a path');
      continue;
    }
    const [, removed, name = '', value = ''] = /^\s+(?:!\s*([^\s:]+)|([^\s:]+)\s*:\s*(.*?))\s*$/.exec(line) ?? [];
    const rule = rules.at(-1);
    if (!rule || !isHeader(removed ?? name, value)) wrong('below a path stand lines of the form `Name: value`');
    else if (removed) rule.remove.push(removed);
    else rule.set.push([name, value]);
  }
  return rules;
}

/** Where `path` is redirected to by the first rule that it fits. */
export function redirectOf(path: string, redirects: readonly Redirect[]): { to: string; status: number } | undefined {
  for (const { from, to, status } of redirects) {
    const matched = from.expression.exec(path);
    if (!matched) continue;
    const encode = status === 200 ? String : encodeURI;
    // Two slashes at the start would be another host.
    return { to: fill(to, matched.groups, encode).replace(/^\/+/, '/'), status };
  }
  return undefined;
}

/** Changes the headers of a response for `path` as the rules say, in their order. */
export function applyHeaders(headers: Headers, path: string, rules: readonly HeaderRule[]): void {
  const changed = new Set<string>();
  for (const { path: pattern, set, remove } of rules) {
    const matched = pattern.expression.exec(path);
    if (!matched) continue;
    for (const name of remove) headers.delete(name);
    for (const [name, value] of set) {
      const filled = fill(value, matched.groups, encodeURI);
      // Rules add to one another; the first takes the place of what the file itself would have.
      if (changed.has(name.toLowerCase())) headers.append(name, filled);
      else headers.set(name, filled);
      changed.add(name.toLowerCase());
    }
  }
}

function* lines(text: string): Generator<{ line: string; number: number }> {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() !== '' && !line.trimStart().startsWith('#') && line.length <= MAX_LINE) {
      yield { line, number: index + 1 };
    }
  }
}

/** Every star but the first stands for itself, so that no expression can take long. */
function pattern(path: string): Pattern {
  let splat = false;
  const names = new Set<string>();
  const expression = path.replace(/:([A-Za-z]\w*)|\*|[^:*]+|:/g, (part, name?: string) => {
    if (name && name !== 'splat' && !names.has(name)) {
      names.add(name);
      return `(?<${name}>[^/]+)`;
    }
    if (part !== '*' || splat) return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    splat = true;
    return '(?<splat>.*)';
  });
  return { expression: new RegExp(`^${expression}$`, 's') };
}

function fill(text: string, groups: Record<string, string> = {}, encode: (value: string) => string): string {
  return text.replace(/:([A-Za-z]\w*)/g, (placeholder, name: string) => {
    const value = groups[name];
    return value === undefined ? placeholder : encode(value);
  });
}

function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]]);
    return name !== '';
  } catch {
    return false;
  }
}
