/**
 * Which packages an app is built with and which it keeps: the config vars of Heroku's buildpack ("Node.js Classic
 * Buildpack Builds", sections "Only Installing Dependencies" and "Skip Pruning").
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Manager = 'npm' | 'pnpm' | 'yarn' | 'berry';

/** The config var of each package manager that leaves development dependencies out from the start. */
const production: Partial<Record<Manager, string>> = { npm: 'NPM_CONFIG_PRODUCTION', yarn: 'YARN_PRODUCTION' };
const skipping: Partial<Record<Manager, string>> = { pnpm: 'PNPM_SKIP_PRUNING', berry: 'YARN2_SKIP_PRUNING' };

/** Whether development dependencies are left out of the build too. */
export function onlyProduction(tree: string, config: Readonly<Record<string, string>>): boolean {
  const name = production[managerOf(tree)];
  return name !== undefined && config[name] === 'true';
}

/** @returns why development dependencies stay, in Heroku's words; undefined when they are pruned */
export function whyNotPruned(tree: string, config: Readonly<Record<string, string>>): string | undefined {
  const { NODE_ENV = 'production' } = config;
  if (NODE_ENV === 'test') return "Skipping because NODE_ENV is 'test'";
  if (NODE_ENV !== 'production') return "Skipping because NODE_ENV is not 'production'";
  const manager = managerOf(tree);
  const installs = production[manager];
  if (installs !== undefined && config[installs]) return `Skipping because ${installs} is '${config[installs]}'`;
  const skips = skipping[manager];
  if (skips !== undefined && config[skips] === 'true') return `Skipping because ${skips} is 'true'`;
  return undefined;
}

/** By the lockfile. Bun takes the config vars of npm. */
function managerOf(tree: string): Manager {
  if (existsSync(join(tree, 'pnpm-lock.yaml'))) return 'pnpm';
  const yarn = join(tree, 'yarn.lock');
  if (!existsSync(yarn)) return 'npm';
  return /^__metadata:/m.test(readFileSync(yarn, 'utf8')) ? 'berry' : 'yarn';
}
