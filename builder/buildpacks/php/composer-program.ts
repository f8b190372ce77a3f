/** Composer itself, which runs on PHP in a machine: the operator or the app says where it comes from. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TreeEntry } from '../../../sandbox/index.ts';
import { BuildFailure } from '../../failure.ts';
import { limited } from '../../limited.ts';
import { runInMachine } from '../../run-in-machine.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import { BY_DEFAULT, engineFiles, PHP } from './engine.ts';
import type { Manifest } from './lockfile.ts';
import { BIN, phpEntries } from './machine.ts';
import { readPhar } from './phar.ts';

/** The setting, or the config var. */
export const SOURCE = 'COMPOSER_SOURCE';

const DIRECTORY = '/usr/local/lib/composer';
const HOME = '/tmp/composer';

/** Most bytes of a phar. */
const MAX_BYTES = 32 * 1024 ** 2;

/** Where the archives of packages are. */
const CODE_HOSTS = [
  ...['api.github.com', 'github.com', 'codeload.github.com', 'raw.githubusercontent.com'],
  ...['gitlab.com', 'bitbucket.org', 'api.bitbucket.org'],
];

/** Where its repository is by default, as Composer's own configuration has it. */
function defaultHosts(files: ReadonlyMap<string, Uint8Array>): string[] {
  const [, config] = [...files].find(([name]) => name.endsWith('Composer/Config.php')) ?? [];
  const text = config ? Buffer.from(config).toString() : '';
  return [...text.matchAll(/'url' => 'https:\/\/([\w.-]+)/g)].flatMap(([, host]) => host ?? []);
}

/** Composer has no ext-curl and no ext-openssl here: requests leave the machine by its gateway, which speaks TLS. */
const MAIN = `<?php
Islet\\StandIns::$names = ['curl', 'openssl'];
// Certificates are the gateway's to check.
function openssl_x509_parse() { return ['validTo_time_t' => PHP_INT_MAX]; }
if (!function_exists('curl_init')) require '/islet/lib/curl.php';
require '${DIRECTORY}/bin/composer';
`;

/** A platform that has what Islet stands for. */
const CONFIG = JSON.stringify({ config: { platform: { 'ext-curl': PHP }, 'preferred-install': 'dist' } });

export interface Composer {
  /**
   * Runs a command of Composer's in the app. What it changes there is kept.
   *
   * @throws BuildFailure when it fails, with what it has written
   */
  run(command: string, what: string): Promise<void>;
}

/**
 * @returns undefined where nothing says where Composer comes from
 * @throws BuildFailure when it is not there, or is another
 */
export async function findComposer(manifest: Manifest, context: BuildContext): Promise<Composer | undefined> {
  const source = context.config[SOURCE] ?? context.composer;
  if (source === undefined || source === '') return undefined;
  const files = await filesOf(source, context);
  const { libraries, extensions, shared } = await engineFiles(BY_DEFAULT, context);
  const modules = await Promise.all(
    [...shared].map(async ([name, path]) => [name, new Uint8Array(await readFile(path))] as const),
  );
  const programs = [
    ...(await phpEntries(new Map(modules), { libraries, extensions, standIns: [], ini: '' })),
    ...[...files].map(([name, content]) => file(`${DIRECTORY}/${name}`, content)),
    file(`${DIRECTORY}/main.php`, Buffer.from(MAIN)),
    file(`${HOME}/config.json`, Buffer.from(CONFIG)),
    file(
      '/usr/local/bin/composer',
      Buffer.from(`#!/bin/sh\nphp -d memory_limit=-1 ${DIRECTORY}/main.php "$@"\n`),
      0o755,
    ),
  ];
  return {
    run: async (command, what) => {
      let output = '';
      const exitCode = await runInMachine(`composer ${command} --no-interaction --no-ansi`, context, {
        programs,
        env: {
          ...context.config,
          COMPOSER_HOME: HOME,
          COMPOSER_ALLOW_SUPERUSER: '1',
          COMPOSER_MIRROR_PATH_REPOS: '1',
          COMPOSER_PROCESS_TIMEOUT: '0',
          PATH: `/app/${BIN}:/usr/local/bin:/usr/bin:/bin`,
        },
        hosts: [...CODE_HOSTS, ...defaultHosts(files), ...hostsOf(manifest)],
        print: (text) => {
          output += text;
        },
      });
      const lines = linesOf(output);
      if (exitCode !== 0)
        throw new BuildFailure(`${what} failed: composer ${command} ended with ${exitCode}.`, { details: lines });
      context.log.detail(...lines);
    },
  };
}

async function filesOf(source: string, context: BuildContext): Promise<Map<string, Buffer>> {
  const [, url, sha256] = /^(https?:\/\/[^#]+)#sha256=([0-9a-f]{64})$/i.exec(source) ?? [];
  if (url === undefined || sha256 === undefined) {
    throw new BuildFailure(`${SOURCE} is ${JSON.stringify(source)}, which names no Composer.`, {
      help: ['It is the URL of a composer.phar with its hash: https://…/composer.phar#sha256=<64 hexadecimal digits>'],
    });
  }
  const place = join(dirname(context.cache), 'composer-program', sha256.toLowerCase());
  const bytes = (await readFile(place).catch(() => undefined)) ?? (await fetchPhar(url, context));
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256.toLowerCase()) {
    throw new BuildFailure(`Composer at ${url} is not the one that ${SOURCE} names: its hash is ${found}.`);
  }
  await writeWhole(place, bytes);
  try {
    const files = readPhar(bytes);
    const main = files.get('bin/composer');
    if (!main) throw new Error('it has no bin/composer');
    // Where a script is included its first line is no comment.
    return files.set('bin/composer', Buffer.from(main.toString('latin1').replace(/^#!.*\n/, ''), 'latin1'));
  } catch (error) {
    throw new BuildFailure(`Composer at ${url} cannot be unpacked: ${(error as Error).message}.`, { cause: error });
  }
}

async function fetchPhar(url: string, { web, signal }: BuildContext): Promise<Buffer> {
  const what = 'Composer';
  return buffer(limited(await web.fetch(url, { what, signal }), MAX_BYTES, what));
}

/** The hosts of the repositories that an app names. */
function hostsOf({ repositories = [] }: Manifest): string[] {
  return Object.values(repositories).flatMap((repository) => {
    const { url } = (repository ?? {}) as { url?: unknown };
    const host = typeof url === 'string' ? URL.parse(url)?.host : undefined;
    return host ? [host] : [];
  });
}

/** What Composer has written, without what an old one says of PHP's newer ways. */
const linesOf = (output: string): string[] =>
  output
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '' && !/^(PHP )?Deprecat(ed|ion Notice):/.test(line.trim()));

const file = (path: string, content: Uint8Array, mode = 0o644): TreeEntry => ({ type: 'file', path, mode, content });
