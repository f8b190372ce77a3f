/** The Python buildpack: an app that says what packages it needs, as Heroku's `heroku/python` builds it. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuildFailure } from '../../failure.ts';
import { listFiles } from '../../files.ts';
import { readProcfile } from '../../procfile.ts';
import type { SlugContents } from '../../slug.ts';
import type { Assemble, BuildContext, Buildpack } from '../buildpack.ts';
import { BIN, commandScripts } from './commands.ts';
import { collectStatic } from './django.ts';
import { engineFiles } from './engine.ts';
import { runHook } from './hooks.ts';
import { packagesSnapshot } from './packages.ts';
import { type ManifestKind, manifests, pipInstall, SITE_PACKAGES } from './pip.ts';
import { snapshotFile } from './snapshot.ts';
import { resolveStart } from './start-command.ts';
import { reportVersion } from './version.ts';

/** As Heroku's buildpack sets them; config vars win. */
const runtimeEnvironment = { LANG: 'en_US.UTF-8', PYTHONUNBUFFERED: 'true' };

/** The memory with the app's packages, as the runtime knows it. */
const PACKAGES = 'packages.snapshot';

/** Most bytes of a file that pip reads. */
const MAX_MANIFEST = 16 * 1024 ** 2;

export const python: Buildpack = {
  name: 'heroku/python',
  detect: async (tree) => {
    const kind = manifests.find((name) => existsSync(join(tree, name)));
    if (kind) return (context) => build(context, kind);
    return existsSync(join(tree, 'Pipfile')) ? (context) => build(context, undefined) : undefined;
  },
};

async function build(context: BuildContext, kind: ManifestKind | undefined): Promise<Assemble> {
  const { tree, log, phase } = context;
  log.step('Python app detected');
  if (!kind) {
    throw new BuildFailure("A Pipfile was found, but no 'Pipfile.lock'.", {
      help: ['Run `pipenv lock` and commit it.'],
    });
  }
  await reportVersion(context);
  await runHook('pre_compile', context);
  log.step(`Installing dependencies from ${kind} using pip`);
  const start = performance.now();
  const packages = await phase('install', async () => pipInstall(kind, await manifestFiles(tree), context));
  await writeAll(join(tree, SITE_PACKAGES), packages);
  await writeAll(join(tree, BIN), commandScripts(packages));
  log.detail(`Installed in ${((performance.now() - start) / 1000).toFixed(1)}s`);
  await collectStatic(context);
  await runHook('post_compile', context);
  return (defaults) => assemble(defaults, context);
}

async function writeAll(directory: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of files) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

/** What pip and the reading of locks may look at: text files of the app's own root and of `requirements/`. */
async function manifestFiles(tree: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const [path, file] of listFiles(tree)) {
    const isManifest = manifests.some((name) => name === path) || /^([^/]+\/)?[^/]+\.(txt|in)$/.test(path);
    if (!isManifest) continue;
    const bytes = await readFile(file);
    if (bytes.length <= MAX_MANIFEST) found.set(path, bytes);
  }
  return found;
}

async function assemble(defaults: Readonly<Record<string, string>>, context: BuildContext): Promise<SlugContents> {
  const { tree, log, config } = context;
  const declared = await readProcfile(tree);
  const types = { ...defaultTypes(tree), ...defaults, ...declared };
  if (types.web === undefined) {
    throw new BuildFailure('Nothing says how to start this app.', {
      help: ['Add a Procfile with a line such as `web: gunicorn app:app`.'],
    });
  }
  log.step('Discovering process types');
  log.detail(`Procfile declares types     -> ${Object.keys(declared).join(', ') || '(none)'}`);
  const others = Object.keys(types).filter((type) => !(type in declared));
  if (others.length > 0) log.detail(`Default types for buildpack -> ${others.join(', ')}`);
  const files = listFiles(tree);
  const texts = new Map<string, string>();
  for (const [path, file] of files)
    if (/(^|\/)gunicorn[^/]*\.py$/.test(path)) texts.set(path, await readFile(file, 'utf8'));
  if (await usesSqlite(files)) {
    log.warn("This app keeps data in SQLite, whose file is each process's own: what is written is gone when it ends.");
    log.warn('Keep what is to last in a database that is reached by HTTP.');
  }
  const code = new Map<string, Uint8Array>();
  const processTypes: SlugContents['manifest']['processTypes'] = {};
  let memory: Uint8Array | undefined;
  for (const [type, command] of Object.entries(types)) {
    processTypes[type] = { command };
    const start = resolveStart(command, { tree, config, read: (path) => texts.get(path) });
    if (start) {
      if (type === 'web') memory = await packagesSnapshot(start, context);
      processTypes[type].entry = `${type}.js`;
      code.set(`${type}.js`, Buffer.from(`export default ${JSON.stringify(start)};\n`));
    } else if (type === 'web') throw unknownCommand(command);
    // It runs in a machine, as one-off dynos do.
    else if (type !== 'release')
      log.warn(`Process type ${type} does not start: \`${command}\` is no command that Islet knows.`);
  }
  if (memory) code.set(PACKAGES, memory);
  return {
    manifest: {
      version: 1,
      runtime: 'python',
      language: 'Python',
      env: runtimeEnvironment,
      processTypes,
      modules: Object.fromEntries([...code.keys()].map((name) => [name, { type: name === PACKAGES ? 'data' : 'esm' }])),
    },
    code,
    files,
    shared: new Map([...engineFiles(), ['snapshot.bin', await snapshotFile(context.cache)]]),
  };
}

/** Whether settings of Django, or a URL as SQLAlchemy has it, name SQLite. */
async function usesSqlite(files: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [path, file] of files) {
    if (!path.endsWith('.py') || path.startsWith('.heroku/')) continue;
    if (/django\.db\.backends\.sqlite3|['"]sqlite:\/\//.test(await readFile(file, 'utf8'))) return true;
  }
  return false;
}

function unknownCommand(command: string): BuildFailure {
  return new BuildFailure(`Islet does not know how to start \`${command}\`, or a file that it names is missing.`, {
    help: [
      'A Python app starts by `gunicorn`, `uvicorn`, `hypercorn`, `daphne`, `waitress-serve`, `flask run`,',
      '`fastapi run`, `python manage.py runserver`, or `python app.py`.',
    ],
  });
}

/** Where there is no Procfile. */
function defaultTypes(tree: string): Record<string, string> {
  if (existsSync(join(tree, 'manage.py'))) return { web: 'python manage.py runserver' };
  const file = ['app.py', 'main.py', 'wsgi.py'].find((name) => existsSync(join(tree, name)));
  return file ? { web: `python ${file}` } : {};
}
