/** What the machine of a build may use and reach: by default, and as the app's config vars say. */
import type { LimitError, Limits, SandboxOptions } from '../sandbox/index.ts';
import { BuildFailure } from './failure.ts';
import type { BuildLog } from './log.ts';
import type { RegistrySettings } from './npm/settings.ts';
import type { Web } from './web.ts';

/** Config vars that set a limit: which one, in how many of its units, and the most that a build may ask for. */
const limitVariables: Record<string, { limit: keyof Limits; unit: number; most: number }> = {
  BUILD_MAX_SECONDS: { limit: 'wallMs', unit: 1000, most: 15 * 60 },
  BUILD_MAX_MEMORY_MB: { limit: 'memoryMiB', unit: 1, most: 4096 },
  BUILD_MAX_OUTPUT_MB: { limit: 'outputBytes', unit: 2 ** 20, most: 1024 },
  BUILD_MAX_FILES: { limit: 'files', unit: 1, most: 2_000_000 },
  BUILD_MAX_DISK_MB: { limit: 'treeBytes', unit: 2 ** 20, most: 3072 },
};

/** Hosts that an app's builds may reach besides its registries: names, or `name:port`, with spaces or commas between. */
const hostsVariable = 'BUILD_HOSTS';
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?::\d{1,5})?$/i;

/**
 * @param hosts others that it may reach
 * @param log gets a line for each request that leaves the machine or is refused
 * @throws BuildFailure when a config var says what cannot be
 */
export function machineOptions(
  {
    config,
    settings,
    log,
    web,
    signal,
  }: {
    config: Readonly<Record<string, string>>;
    settings: RegistrySettings;
    log: BuildLog;
    web?: Web;
    signal: AbortSignal;
  },
  hosts: readonly string[] = [],
): SandboxOptions {
  return {
    limits: limitsOf(config),
    egress: {
      allow: [...registryHosts(settings), ...declaredHosts(config), ...hosts],
      ...(web && { trusted: [...web.trusted] }),
      onRequest: (line) => {
        log.detail(`[network] ${line}`);
        if (line.endsWith('not among those the build may reach')) {
          log.detail(`[network] To allow it, add it to the config var ${hostsVariable}.`);
        }
      },
    },
    signal,
  };
}

/** Says how the app can have more. */
export function overLimit(error: LimitError): BuildFailure {
  const [name, variable] = Object.entries(limitVariables).find(([, { limit }]) => limit === error.limit) ?? [];
  const help = variable && [`To raise it, set the config var ${name}, to ${variable.most} at most.`];
  return new BuildFailure(error.what, { cause: error, ...(help && { help }) });
}

function limitsOf(config: Readonly<Record<string, string>>): Partial<Limits> {
  const limits: Partial<Limits> = {};
  for (const [name, { limit, unit, most }] of Object.entries(limitVariables)) {
    const text = config[name];
    if (text === undefined) continue;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > most) {
      throw new BuildFailure(`The config var ${name} is ${JSON.stringify(text)}, not a number from 1 to ${most}.`);
    }
    limits[limit] = value * unit;
  }
  return limits;
}

function registryHosts(settings: RegistrySettings): string[] {
  return Object.entries(settings)
    .filter(([key]) => key === 'registry' || /^@[^:/]+:registry$/.test(key))
    .map(([, value]) => URL.parse(String(value))?.host ?? '')
    .filter(Boolean);
}

function declaredHosts(config: Readonly<Record<string, string>>): string[] {
  const hosts = (config[hostsVariable] ?? '').split(/[\s,]+/).filter(Boolean);
  const wrong = hosts.find((host) => !hostPattern.test(host));
  if (wrong !== undefined) {
    throw new BuildFailure(`The config var ${hostsVariable} has ${JSON.stringify(wrong)}, which is no host.`, {
      help: ['List names without a scheme or path, such as `api.example.com` or `cdn.example.com:8443`.'],
    });
  }
  return hosts;
}
