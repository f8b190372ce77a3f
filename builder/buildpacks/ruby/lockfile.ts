/** Gemfile.lock: the format that Bundler writes. */
import { BuildFailure } from '../../failure.ts';

export interface LockedGem {
  name: string;
  version: string;
  /** `ruby`, or what the gem was built for: `x86_64-linux`. */
  platform: string;
  /** Names of the gems that it needs. */
  dependencies: string[];
  /** Where it comes from: the URL of a gem server, as the lock has it. */
  remote: string;
  /** SHA-256 in lower-case hex, where the lock has one. */
  sha256?: string;
  /** Whether it is in a directory of the app. */
  isLocal?: boolean;
}

export interface Lockfile {
  gems: LockedGem[];
  /** Names of the gems that the Gemfile itself asks for. */
  dependencies: string[];
  /** `3.4.1`, where the Gemfile names a version. */
  ruby?: string;
}

/**
 * Reads a Gemfile.lock.
 *
 * @throws BuildFailure when it holds gems from git, which are not installed here, or no gems at all
 */
export function parseLockfile(text: string): Lockfile {
  const gems: LockedGem[] = [];
  const dependencies: string[] = [];
  const checksums = new Map<string, string>();
  let ruby: string | undefined;
  let section = '';
  let remote = '';
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^<{7}|^>{7}|^={7}/.test(line)) {
      throw new BuildFailure(`Gemfile.lock has a merge conflict in line ${index + 1}.`);
    }
    if (/^\S/.test(line)) {
      section = line.trim();
      continue;
    }
    const value = line.trim();
    if (value === '') continue;
    if (section === 'GEM' || section === 'PATH') {
      const [, source] = /^ {2}remote: (.+)$/.exec(line) ?? [];
      remote = source ?? remote;
      const [, name, version] = /^ {4}(\S+) \(([^)]+)\)$/.exec(line) ?? [];
      const isLocal = section === 'PATH' && { isLocal: true };
      if (name && version) gems.push({ name, ...splitVersion(version), dependencies: [], remote, ...isLocal });
      const [, needed] = /^ {6}(\S+)/.exec(line) ?? [];
      if (needed) gems.at(-1)?.dependencies.push(needed);
    } else if (section === 'GIT') {
      const [, name] = /^ {4}(\S+) \(/.exec(line) ?? [];
      if (name) refuse(name);
    } else if (section === 'DEPENDENCIES') {
      dependencies.push(value.replace(/[ !].*$/, ''));
    } else if (section === 'CHECKSUMS') {
      const [, name, version, sha256] = /^(\S+) \(([^)]+)\) sha256=([0-9a-f]{64})/.exec(value) ?? [];
      if (name && version && sha256) checksums.set(`${name} ${version}`, sha256);
    } else if (section === 'RUBY VERSION') {
      [, ruby] = /^ruby (\d+\.\d+\.\d+)/.exec(value) ?? [];
    }
  }
  if (gems.length === 0 && !/^GEM$/m.test(text)) throw new BuildFailure('Gemfile.lock has no section GEM.');
  for (const gem of gems) {
    const sha256 = checksums.get(`${gem.name} ${fullVersion(gem)}`);
    if (sha256) gem.sha256 = sha256;
  }
  return { gems, dependencies, ...(ruby && { ruby }) };
}

/** `1.16.0-x86_64-linux`, as gems with a platform of their own have it. */
export const fullVersion = ({ version, platform }: Pick<LockedGem, 'version' | 'platform'>): string =>
  platform === 'ruby' ? version : `${version}-${platform}`;

/** The version of a gem has no hyphen; a platform behind it does. */
function splitVersion(text: string): { version: string; platform: string } {
  const [version = text, ...platform] = text.split('-');
  return { version, platform: platform.join('-') || 'ruby' };
}

function refuse(name: string): never {
  throw new BuildFailure(`Gemfile.lock takes ${name} from a git repository.`, {
    help: [
      'Gems come from a gem server, or from a directory of the app. Name a released version in the Gemfile, or put the',
      'gem into the app and name it by `path:`; then run `bundle install`.',
    ],
  });
}

/** One gem of each name: the one for any platform, or the one whose platform is WebAssembly's. */
export function forEngine(gems: readonly LockedGem[]): LockedGem[] {
  const chosen = new Map<string, LockedGem>();
  for (const gem of gems) if (gem.platform === 'ruby' || /^wasm32/.test(gem.platform)) chosen.set(gem.name, gem);
  const missing = gems.find(({ name }) => !chosen.has(name));
  if (missing) {
    // The lock of another machine may pin only what was built for it; the one for any platform has the same version.
    for (const gem of gems) if (!chosen.has(gem.name)) chosen.set(gem.name, { ...withoutHash(gem), platform: 'ruby' });
  }
  return [...chosen.values()];
}

function withoutHash({ sha256: _, ...gem }: LockedGem): LockedGem {
  return gem;
}
