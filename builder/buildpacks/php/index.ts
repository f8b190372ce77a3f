/** The PHP buildpack: an app with a composer.json or an index.php at its root, as Heroku's `heroku/php` builds it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Start } from '../../../edge/runtimes/php/adapter/start.ts';
import { listFiles } from '../../files.ts';
import { readProcfile } from '../../procfile.ts';
import type { SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { composerInstall, type Platform } from './composer.ts';
import { BY_DEFAULT, builtIn, engineFiles, loadable, PHP, standIns } from './engine.ts';
import { resolveProgram, resolveStart } from './start-command.ts';

export const php: Buildpack = {
  name: 'heroku/php',
  detect: async (tree) =>
    ['composer.json', 'index.php'].some((name) => existsSync(join(tree, name))) ? build : undefined,
};

async function build(context: BuildContext): Promise<Assemble> {
  const { log, phase } = context;
  log.step('PHP app detected');
  log.step('Bootstrapping...');
  log.step('Installing platform packages...');
  log.detail(`- php (${PHP})`);
  const platform: Platform = { php: PHP, extensions: new Set([...builtIn, ...Object.keys(loadable), ...standIns]) };
  const { asked } = await phase('install', () => composerInstall(platform, context));
  const extensions = [...new Set([...BY_DEFAULT, ...asked])].filter((name) => name in loadable);
  for (const name of extensions) log.detail(`- ext-${name} (bundled with php)`);
  const imitated = standIns.filter((name) => asked.includes(name));
  for (const name of imitated) log.detail(`- ext-${name} (a stand-in of Islet's)`);
  return (defaults) => assemble(defaults, extensions, imitated, context);
}

async function assemble(
  defaults: Readonly<Record<string, string>>,
  names: readonly string[],
  imitated: readonly string[],
  context: BuildContext,
): Promise<SlugContents> {
  const { tree, log } = context;
  const declared = await readProcfile(tree);
  const types = { web: 'heroku-php-apache2', ...defaults, ...declared };
  log.step('Discovering process types');
  log.detail(`Procfile declares types     -> ${Object.keys(declared).join(', ') || '(none)'}`);
  const others = Object.keys(types).filter((type) => !(type in declared));
  if (others.length > 0) log.detail(`Default types for buildpack -> ${others.join(', ')}`);
  const { libraries, extensions, shared } = await engineFiles(names, context);
  const code = new Map<string, Uint8Array>();
  const processTypes: SlugContents['manifest']['processTypes'] = {};
  for (const [type, command] of Object.entries(types)) {
    processTypes[type] = { command };
    // It runs in a machine, as one-off dynos do.
    if (type === 'release') continue;
    const start = startOf(type, command, tree, { libraries, extensions, standIns: [...imitated], ini: '' });
    if (!start) {
      log.warn(`Process type ${type} does not start: \`${command}\` is no program of PHP.`);
      continue;
    }
    processTypes[type].entry = `${type}.js`;
    code.set(`${type}.js`, Buffer.from(`export default ${JSON.stringify(start)};\n`));
  }
  return {
    manifest: {
      version: 1,
      runtime: 'php',
      language: 'PHP',
      env: {},
      processTypes,
      modules: Object.fromEntries([...code.keys()].map((name) => [name, { type: 'esm' }])),
    },
    code,
    files: listFiles(tree),
    shared,
  };
}

/** What a process type starts; undefined when it is not PHP. */
function startOf(
  type: string,
  command: string,
  tree: string,
  engine: Pick<Start, 'libraries' | 'extensions' | 'standIns' | 'ini'>,
): Start | undefined {
  if (type === 'web') return { ...engine, ...resolveStart(command, tree) };
  const { program, settings = [] } = resolveProgram(command, tree) ?? {};
  return program && { ...engine, program, ini: settings.join('\n') };
}
