/**
 * What a Gemfile says, as far as it is written in the usual words: sources, gems with versions, groups. A Gemfile is Ruby;
 * one that says anything else is for Bundler itself to read (bundler.ts).
 */

export interface GemfileEntry {
  /** Whether Heroku's Bundler would leave it out: only `development` and `test` ask for it. */
  development: boolean;
  groups: string[];
  /** What `Bundler.require` requires for it: its own name, others, or nothing. */
  require: string[];
}

export interface Gemfile {
  /** By the gem's name. */
  entries: Map<string, GemfileEntry>;
  /** What it says of Ruby's version: `~> 3.4`. */
  ruby?: string;
}

const DEVELOPMENT = new Set(['development', 'test']);

const TEXT = String.raw`(?:'[^'#\\]*'|"[^"#\\]*")`;
const NAME = String.raw`(?::\w+|${TEXT})`;
const LIST = String.raw`(?:\[[^\]#]*\]|${NAME})`;
/** Versions, and the options that say nothing of where a gem comes from, and of when it is wanted. */
const OPTIONS = String.raw`(?:,\s*(?:${TEXT}|\[\s*${TEXT}(?:\s*,\s*${TEXT})*\s*\]|(?:require:|:require\s*=>)\s*(?:true|false|${LIST})|groups?:\s*${LIST}))*`;

const GEM = new RegExp(String.raw`^gem[\s(]+(${TEXT})\s*(${OPTIONS})\)?$`);
const GROUP = new RegExp(String.raw`^group[\s(]+(${NAME}(?:\s*,\s*${NAME})*)\)?\s+do$`);
const SOURCE = new RegExp(String.raw`^source[\s(]+${TEXT}\)?$`);
const RUBY = new RegExp(String.raw`^ruby[\s(]+${TEXT}\)?$`);

/** @returns undefined when it says more than is understood here */
export function readGemfile(text: string): Gemfile | undefined {
  const entries = new Map<string, GemfileEntry>();
  const blocks: string[][] = [];
  let ruby: string | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    const [, gem, options = ''] = GEM.exec(line) ?? [];
    const [, group] = GROUP.exec(line) ?? [];
    if (gem) {
      const [, own = ''] = /\bgroups?:\s*(\[[^\]]*\]|:\w+|['"]\w+['"])/.exec(options) ?? [];
      const groups = [...new Set([...blocks.flat(), ...names(own)])];
      entries.set(unquote(gem), {
        development: groups.length > 0 && groups.every((name) => DEVELOPMENT.has(name)),
        groups: groups.length > 0 ? groups : ['default'],
        require: requiresOf(unquote(gem), options),
      });
    } else if (group) blocks.push(names(group));
    else if (line === 'end') {
      if (!blocks.pop()) return undefined;
    } else if (RUBY.test(line)) ruby = unquote(line.replace(/^ruby[\s(]+|\)$/g, ''));
    else if (line !== '' && !SOURCE.test(line)) return undefined;
  }
  return blocks.length > 0 ? undefined : { entries, ...(ruby && { ruby }) };
}

function requiresOf(name: string, options: string): string[] {
  const [, value] = /(?:\brequire:|:require\s*=>)\s*(\[[^\]]*\]|false|true|['"][^'"]+['"])/.exec(options) ?? [];
  if (value === undefined || value === 'true') return [name];
  return value === 'false' ? [] : [...value.matchAll(/['"]([^'"]+)['"]/g)].map(([, path = '']) => path);
}

const unquote = (text: string): string => text.slice(1, -1);

/** `:development, :test` or `[:test]` or `"test"`. */
const names = (text: string): string[] => [...text.matchAll(/(\w+)/g)].map(([name]) => name);
