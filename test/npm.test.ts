/** Apps of every package manager, and what their dependencies come from and run, pushed with git. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpBackend, startHttpBackend } from '../bench/support/http-backend.ts';
import { tgz } from './support/archive.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let files: FileServer;
let repositories: string;
let git: HttpBackend;
const made: Repository[] = [];

beforeAll(async () => {
  files = await FileServer.start();
  repositories = await mkdtemp(join(tmpdir(), 'islet-npm-'));
  git = await startHttpBackend(repositories);
  platform = await Platform.start({ TRUSTED_HOSTS: `${files.host},${new URL(git.url).host}` });
});

afterAll(async () => {
  await platform?.destroy();
  for (const repository of made) await repository.destroy();
  files?.stop();
  git?.stop();
  await rm(repositories, { recursive: true, force: true });
});

async function create(source: string | Record<string, string>): Promise<Repository> {
  const repository = await Repository.create(source);
  made.push(repository);
  return repository;
}

/** Pushes an app that must build, and says what it printed and what the app answers. */
async function deploy(name: string, source: string | Record<string, string>, config: Record<string, string> = {}) {
  await platform.api('POST', '/apps', { name });
  if (Object.keys(config).length > 0) await platform.api('PATCH', `/apps/${name}/config-vars`, config);
  const repository = await create(source);
  const push = async () => {
    const { code, stderr } = await repository.git('push', platform.remote(name), 'main');
    expect(code, stderr).toBe(0);
    return stderr;
  };
  const output = await push();
  return { output, text: (await platform.app(name)).text, repository, push };
}

/** A server that answers with what an expression gives. */
const answering = (expression: string) =>
  `require('node:http').createServer((_, response) => response.end(String(${expression}))).listen(process.env.PORT);`;

describe('package managers', () => {
  it('pnpm: three workspaces that need each other, a catalog, an override, scripts in their order', async () => {
    const { output, text } = await deploy('pnpm', 'npm/pnpm');
    expect(text).toBe('Hello from ms 2.1.2!');
    expect(output).toContain('Installing node modules (pnpm-lock.yaml)');
    expect(output).toContain('Running prepare of packages/shout');
  });

  it('Yarn classic, with resolutions', async () => {
    const { output, text } = await deploy('classic', 'npm/yarn-classic');
    expect(text).toBe('debug function, ms 2.1.2, 1.2.3');
    expect(output).toContain('Installing node modules (yarn.lock)');
  });

  it("Yarn Berry, with Yarn's own patch of TypeScript, and resolutions", async () => {
    const { output, text } = await deploy('berry', 'npm/yarn-berry');
    expect(text).toBe('berry, ms 2.1.2');
    expect(output).toMatch(/Pruning devDependencies\s+remote:\s+removed 3 packages/);
  });

  it('Bun, with two versions of one package', async () => {
    const { output, text } = await deploy('bun', 'npm/bun');
    expect(text).toBe('ms 2.0.0, for greet another');
    expect(output).toContain('Installing node modules (bun.lock)');
  });
});

describe('dependencies from elsewhere than a registry', () => {
  const lock = (entry: Record<string, unknown>) =>
    JSON.stringify({
      lockfileVersion: 3,
      packages: { '': { dependencies: { greeting: '*' } }, 'node_modules/greeting': { version: '1.0.0', ...entry } },
    });
  const app = (entry: Record<string, unknown>) => ({
    'package.json': '{"scripts":{"start":"node index.js"},"dependencies":{"greeting":"*"}}',
    'package-lock.json': lock(entry),
    'index.js': answering('require("greeting")'),
  });
  const contents = (greeting: string) => ({
    'package.json': '{"name":"greeting","version":"1.0.0"}',
    'index.js': `module.exports = ${JSON.stringify(greeting)};`,
  });

  it('a commit of a git repository, though its branch has moved on', async () => {
    const repository = await create(contents('the commit that is pinned'));
    const commit = (await repository.git('rev-parse', 'HEAD')).stdout.trim();
    await repository.write(contents('a later commit'));
    await repository.commit('Later');
    await promisify(execFile)('git', [
      'clone',
      '--quiet',
      '--bare',
      repository.path,
      join(repositories, 'greeting.git'),
    ]);
    const { text } = await deploy('from-git', app({ resolved: `git+${git.url}/greeting.git#${commit}` }));
    expect(text).toBe('the commit that is pinned');
  });

  it('an archive by its address; other bytes than the pinned are refused, and what runs stays', async () => {
    const archive = await tgz(
      Object.fromEntries(Object.entries(contents('an archive')).map(([path, body]) => [`package/${path}`, body])),
    );
    const resolved = files.put('/greeting.tgz', archive);
    const { text, repository } = await deploy('from-archive', app({ resolved }));
    expect(text).toBe('an archive');

    await repository.write({
      'package-lock.json': lock({ resolved, integrity: `sha512-${Buffer.alloc(64).toString('base64')}` }),
    });
    await repository.commit('A hash that is wrong');
    const { code, stderr } = await repository.git('push', platform.remote('from-archive'), 'main');
    expect(code).not.toBe(0);
    expect(stderr).toContain('The hash of greeting@1.0.0 is not the one that is pinned.');
    expect((await platform.app('from-archive')).text).toBe('an archive');
  });
});

describe('scripts of an installation', () => {
  it('a package generates code where it is installed, and the app its own; the tools are gone afterwards', async () => {
    const generator = await tgz({
      'package/package.json': JSON.stringify({
        name: 'generator',
        version: '1.0.0',
        main: 'made.js',
        bin: 'cli.js',
        scripts: { postinstall: 'node cli.js made.js "by the package"' },
      }),
      'package/cli.js': `#!/usr/bin/env node
        const [file, text] = process.argv.slice(2);
        require('node:fs').writeFileSync(file, 'module.exports = ' + JSON.stringify(text));`,
    });
    const resolved = files.put('/generator.tgz', generator);
    const { output, text } = await deploy('generates', {
      'package.json': JSON.stringify({
        scripts: { postinstall: 'generator own.js "by the app"', start: 'node index.js' },
        dependencies: { generator: '1.0.0' },
        devDependencies: { wrappy: '1.0.2' },
      }),
      'package-lock.json': JSON.stringify({
        lockfileVersion: 3,
        packages: {
          '': { dependencies: { generator: '1.0.0' }, devDependencies: { wrappy: '1.0.2' } },
          'node_modules/generator': { version: '1.0.0', resolved, hasInstallScript: true },
          'node_modules/wrappy': {
            version: '1.0.2',
            dev: true,
            integrity:
              'sha512-l4Sp/DRseor9wL6EvV2+TuQn63dMkPjZ/sp9XkghTEbV9KlPS1xUsZ3u7/IQO4wxtcFB4bgpQPRcR3QCvezPcQ==',
          },
        },
      }),
      'index.js': answering('require("generator") + ", " + require("./own.js")'),
    });
    expect(text).toBe('by the package, by the app');
    expect(output).toContain('Ran postinstall of generator@1.0.0');
    expect(output).toMatch(/Pruning devDependencies\s+remote:\s+removed 1 package/);
  });
});

describe('what a build leaves for the next', () => {
  it('is in its cacheDirectories again, and gone once the cache is purged', async () => {
    const { repository, text, push } = await deploy('cached', {
      'package.json': JSON.stringify({
        cacheDirectories: ['.tool'],
        scripts: {
          build: 'mkdir -p .tool && echo x >> .tool/builds && cp .tool/builds builds.txt',
          start: 'node index.js',
        },
      }),
      'index.js': answering('require("node:fs").readFileSync("builds.txt", "utf8").length'),
    });
    expect(text).toBe('2');
    await repository.commit('Again');
    expect(await push()).toMatch(/Loading 1 from cacheDirectories \(package\.json\):\s+remote:\s+- \.tool/);
    expect((await platform.app('cached')).text).toBe('4');

    await platform.api('DELETE', '/apps/cached/build-cache');
    await repository.commit('Afresh');
    expect(await push()).not.toContain('Restoring cache');
    expect((await platform.app('cached')).text).toBe('2');
  });
});
