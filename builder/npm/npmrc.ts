/**
 * An app's own `.npmrc` (".npmrc", npm documentation), as far as it says where packages come from. The rest of it is
 * about npm's ways on a person's machine, or about files of this host, which are none of the app's business.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'ini';
import npmFetch from 'npm-registry-fetch';
import { BuildFailure } from '../failure.ts';
import { publicAgent, type RegistrySettings } from './settings.ts';
import { readYarnrc } from './yarnrc.ts';

const registryKey = /^(@[^:/]+:)?registry$/;
const credentialKey = /^\/\/.+:(_authToken|_auth|username|_password)$/;

/**
 * Adds an app's registries and credentials to the host's settings: those of `.npmrc`, of Yarn, and of config vars.
 *
 * @param tree absolute path of the app
 * @param config the app's config vars: what `${NPM_TOKEN}` stands for; never this process's environment
 * @throws BuildFailure when a variable is not set or a registry is no https address
 */
export async function projectSettings(
  tree: string,
  config: Readonly<Record<string, string>>,
  host: RegistrySettings,
): Promise<RegistrySettings> {
  const text = await readFile(join(tree, '.npmrc'), 'utf8').catch(() => '');
  const settings: RegistrySettings = { ...host };
  const sources = {
    '.npmrc': parse(text),
    '.yarnrc.yml': await readYarnrc(tree),
    'A config var': fromEnvironment(config),
  };
  const all = Object.entries(sources).flatMap(([source, entries]) =>
    Object.entries(entries).map(([key, raw]) => ({ source, key, raw: raw as unknown })),
  );
  for (const { source, key, raw } of all) {
    if (key === 'legacy-peer-deps') settings.legacyPeerDeps = String(raw) === 'true';
    if (key === 'ignore-scripts') settings.ignoreScripts = String(raw) === 'true';
    if (typeof raw !== 'string' || (!registryKey.test(key) && !credentialKey.test(key))) continue;
    const value = withVariables(raw, config, source);
    settings[key] = registryKey.test(key) ? registryAddress(value, source) : value;
    if (registryKey.test(key)) settings.agent = publicAgent(host);
    else settings.ownCredentials = { ...settings.ownCredentials, [key]: value };
  }
  return settings;
}

/**
 * Names those who may see a package that an app gets with credentials of its own: whoever has the same.
 *
 * @returns undefined for a package that all builds may share
 */
export function audienceOf(name: string, settings: RegistrySettings): string | undefined {
  if (settings.ownCredentials === undefined) return undefined;
  const registry = npmFetch.pickRegistry(`${name}@*`, { ...settings });
  const address = registry.replace(/^https?:/, '');
  const shown = Object.entries(settings.ownCredentials)
    // `//host/path/:_authToken` is shown to whatever is below that path.
    .filter(([key]) => address.startsWith(key.slice(0, key.lastIndexOf(':'))))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (shown.length === 0) return undefined;
  return createHash('sha256')
    .update(JSON.stringify([registry, shown]))
    .digest('hex');
}

/** Config vars that are settings of npm: `NPM_CONFIG_LEGACY_PEER_DEPS`. They win over the file. */
function fromEnvironment(config: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([name, value]) => {
      const key = /^npm_config_(\w+)$/i.exec(name)?.[1]?.toLowerCase().replaceAll('_', '-');
      return key === undefined ? [] : [[key, value]];
    }),
  );
}

/** npm's way: `${NAME}` must be set, `${NAME?}` may be missing; Yarn's: `${NAME-this}` or `${NAME:-this}` if it is missing. */
function withVariables(text: string, config: Readonly<Record<string, string>>, source: string): string {
  return text.replace(
    /\$\{([^${}?:-]+)(?:(\?)|:?-([^{}]*))?\}/g,
    (_, name: string, optional?: string, other?: string) => {
      const value = Object.hasOwn(config, name) ? config[name] : (other ?? (optional && ''));
      if (value !== undefined) return value;
      throw new BuildFailure(`${source} needs the config var ${name}, which is not set.`, {
        help: [`Set it: \`heroku config:set ${name}=…\``],
      });
    },
  );
}

function registryAddress(value: string, source: string): string {
  if (URL.parse(value)?.protocol !== 'https:') {
    throw new BuildFailure(`${source} names a registry that is not an https address: ${JSON.stringify(value)}.`);
  }
  return value.endsWith('/') ? value : `${value}/`;
}
