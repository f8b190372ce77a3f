/**
 * The scripts that belong to an installation ("scripts", section "Life Cycle Operation Order", npm documentation): first
 * those of the packages, then those of the app and its workspaces. They run in the build's machine.
 */
import type { BuildLog } from '../../log.ts';
import type { ScriptedPackage } from '../../npm/install.ts';
import type { Manifest } from '../../npm/manifest.ts';
import { installEvents } from '../../npm/package-scripts.ts';
import type { BuildMachine } from './machine.ts';
import { runScript } from './scripts.ts';

/** What `npm ci` runs of the app and its workspaces once all packages are there. */
const ownEvents = [...installEvents, 'prepare'] as const;

/** Commands that compile machine code, or fetch it: nothing that could run here comes of them. */
const nativeCommand =
  /\b(node-gyp(-build(-optional-packages)?)?|node-pre-gyp|prebuild-install|prebuildify|cmake-js|napi-postinstall|cargo)\b/;

/** A script of the app itself. */
export interface OwnScript {
  /** Of the app or a workspace, relative to the tree. */
  directory: string;
  script: string;
}

/** @returns the scripts of the workspaces, then of the app */
export function ownInstallScripts(manifests: ReadonlyMap<string, Manifest>): OwnScript[] {
  const inOrder = [...manifests].sort(([a], [b]) => Number(a === '') - Number(b === ''));
  return inOrder.flatMap(([directory, { scripts = {} }]) =>
    ownEvents.filter((event) => scripts[event] !== undefined).map((script) => ({ directory, script })),
  );
}

/**
 * Runs the install scripts of packages. One that fails does not fail the build, as many of them only look for what
 * another machine would have: its output is shown.
 */
export async function runPackageScripts(
  packages: readonly ScriptedPackage[],
  { machine, log, mayRun }: { machine: BuildMachine; log: BuildLog; mayRun: (name: string) => boolean },
): Promise<void> {
  const lines: string[] = [];
  for (const { name, version, place, optional, scripts } of packages) {
    const native = Object.values(scripts).find((script) => nativeCommand.test(script));
    if (native !== undefined || !mayRun(name)) {
      const why = native === undefined ? 'the app does not allow it' : `native code does not run here (${native})`;
      lines.push(`Skipped the install script of ${name}@${version}: ${why}`);
      continue;
    }
    for (const event of installEvents) {
      const script = scripts[event];
      if (script === undefined) continue;
      let output = '';
      const { exitCode, signal } = await machine.run(`npm run --silent ${event}`, place, (text) => {
        output += text;
      });
      if (exitCode === 0) {
        lines.push(`Ran ${event} of ${name}@${version}`);
        continue;
      }
      if (!optional) {
        const how = exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
        log.warn('', `The ${event} script of ${name}@${version} ${how}; the build goes on without it.`);
        log.warn(`> ${script}`, ...output.trimEnd().split('\n').slice(-20), '');
      }
      break;
    }
  }
  if (lines.length > 0) log.detail(...lines, '');
  await machine.keep('The install scripts of packages');
}

/**
 * Runs the app's own install scripts.
 *
 * @throws BuildFailure when one fails
 */
export async function runOwnInstallScripts(
  scripts: readonly OwnScript[],
  { machine, log }: { machine: BuildMachine; log: BuildLog },
): Promise<void> {
  for (const { directory, script } of scripts) {
    log.detail(`Running ${script}${directory === '' ? '' : ` of ${directory}`}`);
    await runScript(script, { directory, machine, log });
    log.detail('');
  }
}
