import { dirname } from 'node:path';
import Config from '@npmcli/config';
import npmDefinitions from '@npmcli/config/lib/definitions/index.js';
import { PublicAgent } from './public-agent.ts';

// CommonJS whose names Node cannot tell without running it.
const { definitions, flatten, shorthands } = npmDefinitions;

/**
 * Settings under the names npm's libraries take them by: `registry`, `@scope:registry`, `//host/:_authToken`, `ca`,
 * `proxy`, … They hold credentials: never print one.
 */
export interface RegistrySettings extends Record<string, unknown> {
  registry: string;
  /** Of the credentials, those that the app brought. */
  ownCredentials?: Readonly<Record<string, string>>;
}

const scopeRegistry = /^@[^:/]+:registry$/;

/** Of npm's settings, those that say how to reach a registry, and nothing that says what to do with an app. */
const connection = new Set([
  'registry',
  'replaceRegistryHost',
  'ca',
  'cert',
  'key',
  'strictSSL',
  'proxy',
  'httpsProxy',
  'noProxy',
  'localAddress',
  'maxSockets',
  'timeout',
  'before',
]);

/**
 * Reads npm's configuration of this host as npm does: its defaults, the global and the user's npmrc, and `npm_config_*`
 * of the environment.
 *
 * @param directory an empty directory: an npmrc in the current one would count as a project's
 */
export async function readHostSettings(directory: string): Promise<RegistrySettings> {
  // Under `npm run`, npm says where it is; the npmrc that some distributions ship stands beside it.
  const npm = process.env.npm_execpath;
  const config = new Config({
    npmPath: npm === undefined ? directory : dirname(dirname(npm)),
    definitions,
    shorthands,
    flatten,
    argv: [],
    cwd: directory,
    warn: false,
  });
  await config.load();

  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config.flat)) {
    if (connection.has(key) || key.startsWith('//') || scopeRegistry.test(key)) settings[key] = value;
  }
  const { registry } = config.flat;
  if (typeof registry !== 'string') throw new Error('npm is configured without a registry');
  return { ...settings, registry: registry.endsWith('/') ? registry : `${registry}/` };
}

/** An agent for what an app chose to connect to: the public internet and the registries of this host. */
export function publicAgent(settings: RegistrySettings): PublicAgent {
  const { proxy, httpsProxy, noProxy, ca, strictSSL } = settings;
  const trusted = new Set<string>();
  for (const [key, value] of Object.entries(settings)) {
    if ((key !== 'registry' && !scopeRegistry.test(key)) || typeof value !== 'string') continue;
    const { hostname, port, protocol } = new URL(value);
    trusted.add(`${hostname.replace(/^\[|\]$/g, '')}:${port || (protocol === 'https:' ? 443 : 80)}`);
  }
  return new PublicAgent({ proxy: httpsProxy ?? proxy, noProxy, ca, rejectUnauthorized: strictSSL }, trusted);
}
