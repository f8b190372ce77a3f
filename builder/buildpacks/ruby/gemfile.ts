/**
 * What a Gemfile says of its gems' groups. A Gemfile is Ruby; what it says in the usual words is read without running
 * it, and a gem that is named in other words counts as one that the app needs.
 */

export interface GemfileEntry {
  /** Whether Heroku's Bundler would leave it out: only `development` and `test` ask for it. */
  development: boolean;
  /** What `Bundler.require` requires for it: its own name, others, or nothing. */
  require: string[];
}

const DEVELOPMENT = new Set(['development', 'test']);

/** @returns the entries by the gem's name */
export function parseGemfile(text: string): Map<string, GemfileEntry> {
  const entries = new Map<string, GemfileEntry>();
  const blocks: (string[] | undefined)[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    const [, name, options = ''] = /^gem[\s(]+['"]([^'"]+)['"](.*)$/.exec(line) ?? [];
    if (name) {
      const [, own = ''] = /\bgroups?:\s*(\[[^\]]*\]|:\w+|['"]\w+['"])/.exec(options) ?? [];
      const groups = [...blocks.flatMap((block) => block ?? []), ...names(own)];
      entries.set(name, {
        development: groups.length > 0 && groups.every((group) => DEVELOPMENT.has(group)),
        require: requiresOf(name, options),
      });
      continue;
    }
    const [, groups] = /^group[\s(]+(.+?)\)?\s+do$/.exec(line) ?? [];
    if (groups !== undefined) blocks.push(names(groups));
    else if (/\bdo(\s*\|[^|]*\|)?$/.test(line) || /^(if|unless|case|begin|def|while|until)\b/.test(line))
      blocks.push(undefined);
    else if (line === 'end') blocks.pop();
  }
  return entries;
}

function requiresOf(name: string, options: string): string[] {
  const [, value] = /(?:\brequire:|:require\s*=>)\s*(\[[^\]]*\]|false|true|['"][^'"]+['"])/.exec(options) ?? [];
  if (value === undefined || value === 'true') return [name];
  return value === 'false' ? [] : [...value.matchAll(/['"]([^'"]+)['"]/g)].map(([, path = '']) => path);
}

/** `:development, :test` or `[:test]` or `"test"`. */
const names = (text: string): string[] => [...text.matchAll(/(\w+)/g)].map(([name]) => name);
