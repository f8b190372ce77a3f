/** The Go buildpack: an app with a go.mod, as Heroku's `heroku/go` builds it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { readProcfile } from '../../procfile.ts';
import type { SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { hostGo, type Image, imagesIn, makeImage } from './image.ts';
import { buildPrograms, type Program } from './programs.ts';
import { resolveStart } from './start-command.ts';
import { chooseVersion, installSpec, wantedVersion } from './version.ts';

export const go: Buildpack = {
  name: 'heroku/go',
  detect: async (tree) => (['go.mod', 'go.work'].some((name) => existsSync(join(tree, name))) ? build : undefined),
};

async function build(context: BuildContext): Promise<Assemble> {
  const { tree, config, log, phase } = context;
  log.step('Go app detected');
  const [workspace, module] = await Promise.all(['go.work', 'go.mod'].map((name) => textOf(join(tree, name))));
  const declared = `${workspace}\n${module}`;
  const name = /^module\s+"?([^\s"]+)/m.exec(declared)?.[1];
  if (name) log.detail(`Detected go modules via go.mod`, `Detected Module Name: ${name}`);
  const image = await phase('detect', () => toolchain(declared, context));
  const patterns = installSpec(declared, config) ?? (module ? ['./...'] : modulesOf(workspace ?? ''));
  const programs = await buildPrograms(patterns, image, context);
  log.detail('', 'Installed the following binaries:', ...programs.map((program) => `  ./bin/${program.name}`));
  return (defaults) => assemble(defaults, { programs, image, context });
}

async function toolchain(declared: string, context: BuildContext): Promise<Image> {
  const { config, log } = context;
  const version = chooseVersion(wantedVersion(declared, config), await hostGo());
  log.step(`Using go${version}`);
  return makeImage(imagesIn(dirname(context.cache)), version, () =>
    log.detail('Making its toolchain for WebAssembly, once for all apps. This takes minutes.'),
  );
}

async function assemble(
  defaults: Readonly<Record<string, string>>,
  { programs, image, context }: { programs: readonly Program[]; image: Image; context: BuildContext },
): Promise<SlugContents> {
  const { tree, log } = context;
  const declared = await readProcfile(tree);
  const types = { web: `bin/${programs[0]?.name}`, ...defaults, ...declared };
  log.step('Discovering process types');
  log.detail(`Procfile declares types     -> ${Object.keys(declared).join(', ') || '(none)'}`);
  const others = Object.keys(types).filter((type) => !(type in declared));
  if (others.length > 0) log.detail(`Default types for buildpack -> ${others.join(', ')}`);
  const names = programs.map(({ name }) => name);
  const code = new Map<string, Uint8Array>();
  const processTypes: SlugContents['manifest']['processTypes'] = {};
  for (const [type, command] of Object.entries(types)) {
    processTypes[type] = { command };
    const start = resolveStart(command, names);
    if (start) {
      processTypes[type].entry = `${type}.js`;
      code.set(`${type}.js`, Buffer.from(start.module));
      const program = programs.find(({ name }) => name === start.program);
      if (program) code.set(`${program.name}.wasm`, program.module);
    } else if (type === 'web') throw unknownCommand(command, names);
    // It runs in a machine, as one-off dynos do.
    else if (type !== 'release')
      log.warn(`Process type ${type} does not start: \`${command}\` is no program of the app.`);
  }
  return {
    manifest: {
      version: 1,
      runtime: 'go',
      language: 'Go',
      env: {},
      processTypes,
      modules: Object.fromEntries(
        [...code.keys()].map((name) => [name, { type: name.endsWith('.wasm') ? 'wasm' : 'esm' }]),
      ),
    },
    code,
    files: listFiles(tree),
    shared: new Map([['go.mjs', join(image.directory, 'goroot/lib/wasm/wasm_exec.js')]]),
  };
}

function unknownCommand(command: string, names: readonly string[]): BuildFailure {
  return new BuildFailure(`\`${command}\` is no program of this app.`, {
    help: [`It has ${names.map((name) => `bin/${name}`).join(', ')}; arguments may follow, and no shell runs them.`],
  });
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

/** Patterns for the modules that a workspace uses: `use ./server`, or several in parentheses. */
function modulesOf(workspace: string): string[] {
  const block = /^use\s*\(([^)]*)\)/m.exec(workspace)?.[1] ?? '';
  const single = [...workspace.matchAll(/^use\s+([^\s(]+)/gm)].map(([, path = '']) => path);
  const listed = block.split('\n').map((line) => line.replace(/\/\/.*/, '').trim());
  return [...single, ...listed].filter(Boolean).map((path) => `${path.replace(/^"|"$/g, '').replace(/\/$/, '')}/...`);
}
