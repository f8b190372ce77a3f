/** Composer in the builds of PHP apps: Debian's, as packages of Debian's are what it resolves. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasComposer, INSTALLED, lockedPackage, packComposer, slimPackages } from './support/composer-packages.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

describe.skipIf(!hasComposer() || !existsSync(`${INSTALLED}/Slim`))('Composer', () => {
  let platform: Platform;
  let files: FileServer;
  let source: string;
  const repositories: Repository[] = [];

  beforeAll(async () => {
    files = await FileServer.start();
    const phar = await packComposer();
    source = `${files.put('/composer.phar', phar)}#sha256=${createHash('sha256').update(phar).digest('hex')}`;
    platform = await Platform.start({ RUNNERS: '1', TRUSTED_HOSTS: files.host, COMPOSER_SOURCE: source });
    const packages = (await slimPackages(files)) as { name: string; version: string }[];
    const plugin = await lockedPackage(files, 'acme/plugin', {
      version: '1.2.0',
      type: 'composer-plugin',
      require: { 'composer-plugin-api': '^2.0' },
      autoload: { 'psr-4': { 'Acme\\': 'src/' } },
      extra: { class: 'Acme\\Plugin' },
      files: {
        'src/Plugin.php': `<?php
          namespace Acme;
          use Composer\\{Composer, IO\\IOInterface, Plugin\\PluginInterface, EventDispatcher\\EventSubscriberInterface};
          class Plugin implements PluginInterface, EventSubscriberInterface {
            function activate(Composer $composer, IOInterface $io) {}
            function deactivate(Composer $composer, IOInterface $io) {}
            function uninstall(Composer $composer, IOInterface $io) {}
            static function getSubscribedEvents() { return ['post-autoload-dump' => 'write']; }
            function write($event) {
              $vendor = $event->getComposer()->getConfig()->get('vendor-dir');
              file_put_contents("$vendor/runtime.php", '<?php return "by the plugin";');
            }
          }
        `,
      },
    });
    const all = [
      ...packages,
      plugin as { name: string; version: string },
      { name: 'symfony/polyfill-ctype', version: '1.27.0', type: 'metapackage' },
    ];
    const index = Object.fromEntries(all.map((one) => [one.name, { [one.version]: one }]));
    files.put('/packages.json', Buffer.from(JSON.stringify({ packages: index })));
  });
  afterAll(async () => {
    for (const repository of repositories) await repository.destroy();
    await platform?.destroy();
    files?.stop();
  });

  async function push(name: string, tree: Record<string, string>): Promise<{ code: number; stderr: string }> {
    const repository = await Repository.create(tree);
    repositories.push(repository);
    await platform.api('POST', '/apps', { name });
    return repository.git('push', platform.remote(name), 'main');
  }

  /** A composer.json that looks for packages at the test's own server. */
  const manifest = (more: object): string =>
    JSON.stringify({
      repositories: [
        { type: 'composer', url: files.url('') },
        { type: 'path', url: 'packages/*' },
        { packagist: false },
      ],
      ...more,
      config: { 'secure-http': false, 'allow-plugins': { 'acme/plugin': true } },
    });

  it('resolves what no lock pins, and runs scripts and plugins', async () => {
    const { code, stderr } = await push('resolved', {
      'composer.json': manifest({
        require: { 'twig/twig': '^3.0', 'acme/plugin': '^1.0', 'acme/own': '*', php: '^8.4', 'ext-curl': '*' },
        autoload: { 'psr-4': { 'App\\': 'src/' } },
        scripts: {
          'post-install-cmd': [
            '@php bin/make.php one two',
            'App\\Scripts::note',
            'echo "by the shell in $(basename $PWD)" > shell.txt',
          ],
          compile: 'thing compile',
        },
      }),
      'packages/own/composer.json':
        '{"name": "acme/own", "version": "2.0.1", "autoload": {"classmap": ["."]}, "bin": ["thing"]}',
      'packages/own/Own.php': '<?php class Own { const FROM = "the tree"; }',
      'packages/own/thing':
        '#!/usr/bin/env php\n<?php require "vendor/autoload.php"; file_put_contents("compiled.txt", "compiled by $argv[1], " . Own::FROM);',
      'bin/make.php': `<?php
        exec('echo from exec; exit 4', $lines, $status);
        $process = proc_open(['cat'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
        fwrite($pipes[0], 'through cat');
        fclose($pipes[0]);
        $through = stream_get_contents($pipes[1]);
        $closed = proc_close($process);
        file_put_contents('made.json', json_encode([array_slice($argv, 1), $lines, $status, shell_exec('pwd'), $through, $closed]));
        echo "made it\\n";
      `,
      'src/Scripts.php': `<?php namespace App;
        class Scripts { static function note($event) { file_put_contents('note.txt', $event->getName()); } }`,
      'index.php': `<?php
        require 'vendor/autoload.php';
        echo json_encode([
          Twig\\Environment::VERSION, Own::FROM, require 'vendor/runtime.php',
          json_decode(file_get_contents('made.json')), file_get_contents('note.txt'), file_get_contents('shell.txt'),
          file_get_contents('compiled.txt'), Composer\\InstalledVersions::getVersion('acme/own'), function_exists('curl_init'),
        ], JSON_UNESCAPED_SLASHES);
      `,
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('Resolving dependencies, as there is no composer.lock...');
    expect(stderr).toContain('- Locking twig/twig (v3.5.1)');
    expect(stderr).toContain('made it');
    expect(JSON.parse((await platform.app('resolved')).text)).toEqual([
      '3.5.1',
      'the tree',
      'by the plugin',
      [['one', 'two'], ['from exec'], 4, '/app\n', 'through cat', 0],
      'post-install-cmd',
      'by the shell in app\n',
      'compiled by compile, the tree',
      '2.0.1.0',
      true,
    ]);
  });
});
