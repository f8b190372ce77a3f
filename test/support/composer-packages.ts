import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FileServer } from './file-server.ts';

/** Where Debian installs packages of PHP. */
export const INSTALLED = '/usr/share/php';

interface Source {
  version: string;
  /** Directories of the package: place in it, to the place where Debian has it. */
  from?: Record<string, string>;
  /** Files of it: place in it, to their text. */
  files?: Record<string, string>;
  type?: string;
  /** More of what its composer.json says. */
  extra?: object;
  autoload: object;
  require?: Record<string, string>;
  /** Commands: place in the package, to their text. */
  bin?: Record<string, string>;
}

/**
 * Makes a package's zip as a code host would, serves it, and returns what composer.lock says of it.
 *
 * @param server has it
 */
export async function lockedPackage(server: FileServer, name: string, source: Source): Promise<object> {
  const { version, from = {}, files = {}, type = 'library', extra = {}, autoload, require = {}, bin = {} } = source;
  const directory = await mkdtemp(join(tmpdir(), 'islet-composer-'));
  const git = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('git', args, { cwd: directory, maxBuffer: 64 * 1024 ** 2 });
    if (status !== 0) throw new Error(`git ${args[0]} failed: ${stderr}`);
    return stdout;
  };
  try {
    for (const [place, installed] of Object.entries(from)) {
      await mkdir(join(directory, place), { recursive: true });
      await cp(join(INSTALLED, installed), join(directory, place), { recursive: true });
    }
    for (const [place, text] of Object.entries({ ...files, ...bin })) {
      await mkdir(dirname(join(directory, place)), { recursive: true });
      await writeFile(join(directory, place), text);
    }
    await writeFile(join(directory, 'composer.json'), JSON.stringify({ name, require, autoload }));
    git('init', '-q');
    git('add', '.');
    git('-c', 'user.name=A', '-c', 'user.email=a@example.com', 'commit', '-qm', 'All');
    const reference = git('rev-parse', 'HEAD').toString().trim();
    const zip = git('archive', '--format=zip', `--prefix=${name.replace('/', '-')}-${reference.slice(0, 7)}/`, 'HEAD');
    const url = server.put(`/zipball/${name}/${reference}`, zip);
    const shasum = createHash('sha1').update(zip).digest('hex');
    const dist = { type: 'zip', url, reference, shasum };
    return { name, version, type, dist, require, autoload, extra, bin: Object.keys(bin) };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Whether Debian's Composer is here, and PHP to pack it with. */
export const hasComposer = (): boolean =>
  existsSync(`${INSTALLED}/Composer`) && spawnSync('php', ['-r', 'exit(class_exists("Phar") ? 0 : 1);']).status === 0;

/** Debian's Composer in one file, as Composer's own project gives it out. */
export async function packComposer(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'islet-composer-'));
  try {
    const script = `<?php
      $phar = new Phar($argv[1], 0, 'composer.phar');
      $phar->startBuffering();
      $phar['bin/composer'] = file_get_contents('/usr/bin/composer');
      $installed = '${INSTALLED}';
      $files = new RecursiveIteratorIterator(
        new RecursiveDirectoryIterator($installed, FilesystemIterator::SKIP_DOTS | FilesystemIterator::FOLLOW_SYMLINKS));
      foreach ($files as $file) {
        $place = substr($file, strlen($installed) + 1);
        if (!preg_match('#^(Composer|JsonSchema|Psr|React|Seld|data|Symfony/(Contracts|Component/(Console|Filesystem|Finder|Process|String)))/#', $place)) continue;
        $phar["share/php/$place"] = file_get_contents($file);
      }
      $phar['share/php/Psr/Log/LogLevel.php']->compress(Phar::GZ);
      $phar->setStub("<?php Phar::mapPhar('composer.phar'); require 'phar://composer.phar/bin/composer'; __HALT_COMPILER();");
      $phar->stopBuffering();
    `;
    await writeFile(join(directory, 'pack.php'), script);
    const phar = join(directory, 'composer.phar');
    const { status, stderr } = spawnSync('php', ['-d', 'phar.readonly=0', join(directory, 'pack.php'), phar]);
    if (status !== 0) throw new Error(`php failed: ${stderr}`);
    return await readFile(phar);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Slim, Twig and what they need, as composer.lock has them. */
export const slimPackages = (files: FileServer): Promise<object[]> =>
  Promise.all([
    lockedPackage(files, 'slim/slim', {
      version: '3.12.4',
      from: { Slim: 'Slim' },
      autoload: { 'psr-4': { 'Slim\\': 'Slim' } },
      require: { 'pimple/pimple': '^3.0', 'nikic/fast-route': '^1.0', 'psr/http-message': '^1.0', 'ext-json': '*' },
    }),
    lockedPackage(files, 'pimple/pimple', {
      version: '3.5.0',
      from: { 'src/Pimple': 'Pimple' },
      autoload: { 'psr-0': { Pimple: 'src/' } },
    }),
    lockedPackage(files, 'nikic/fast-route', {
      version: 'v1.3.0',
      from: { src: 'FastRoute' },
      autoload: { 'psr-4': { 'FastRoute\\': 'src/' }, files: ['src/functions.php'] },
    }),
    lockedPackage(files, 'psr/http-message', {
      version: '1.0.1',
      from: { src: 'Psr/Http/Message' },
      autoload: { 'psr-4': { 'Psr\\Http\\Message\\': 'src/' } },
    }),
    lockedPackage(files, 'psr/container', {
      version: '2.0.2',
      from: { src: 'Psr/Container' },
      autoload: { 'psr-4': { 'Psr\\Container\\': 'src/' } },
    }),
    lockedPackage(files, 'twig/twig', {
      version: 'v3.5.1',
      from: { src: 'Twig' },
      autoload: { 'psr-4': { 'Twig\\': 'src/' } },
      require: { 'symfony/polyfill-ctype': '^1.8', 'ext-mbstring': '*' },
      bin: {
        'bin/twig-lint': `#!/usr/bin/env php
<?php
require $GLOBALS['_composer_autoload_path'];
echo basename(__DIR__), ' ', Twig\\Environment::VERSION, ' ', implode(',', array_slice($argv, 1)), "\\n";
`,
      },
    }),
  ]);
