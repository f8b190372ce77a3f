import semver from 'semver';
import type { BuildLog } from '../../log.ts';
import type { PackageJson } from './package-json.ts';

/** What `process.version` says in an instance: the Node.js that workerd's compatibility layer follows. */
export const nodeVersion = '22.23.4';

/** Writes which engines an app asks for and what it gets. There is one Node.js, so a wish that it fails is a warning. */
export function reportEngines({ engines = {}, packageManager }: PackageJson, log: BuildLog): void {
  const { node, npm } = engines;
  log.detail(`engines.node (package.json):   ${node ?? 'unspecified'}`);
  log.detail(`engines.npm (package.json):    ${npm ?? 'unspecified (use default)'}`);
  for (const name of ['yarn', 'pnpm', 'bun']) {
    if (engines[name] !== undefined) log.detail(`${`engines.${name} (package.json):`.padEnd(30)} ${engines[name]}`);
  }
  if (packageManager !== undefined) log.detail(`packageManager (package.json): ${packageManager}`);
  log.detail('');
  log.detail(`Using Node.js ${nodeVersion} as workerd implements it`);
  if (node !== undefined && semver.validRange(node) !== null && !semver.satisfies(nodeVersion, node)) {
    log.warn('', `package.json asks for Node.js ${node}. Apps run on workerd's Node.js ${nodeVersion};`);
    log.warn('most programs do not notice. If yours does, adjust "engines" or the code.', '');
  }
  log.detail('');
}
