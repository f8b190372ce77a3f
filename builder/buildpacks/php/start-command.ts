/** Reads the commands of a Procfile that serve PHP apps. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ProgramStart, Site } from '../../../edge/runtimes/php/adapter/start.ts';
import { BuildFailure } from '../../failure.ts';
import { parsePhp } from './php-arguments.ts';

export type Serving = Pick<Site, 'server' | 'root' | 'front' | 'router'>;

/** What a command runs, and the lines of php.ini that it gives. */
export type Running = Pick<ProgramStart, 'program'> & { settings: string[] };

/** Options of `heroku-php-apache2` and `heroku-php-nginx` with a value ("Customizing web server and runtime settings"). */
const WITH_VALUE = new Set(['-C', '-c', '-F', '-f', '-i', '-l', '-p', '-t']);

/**
 * Finds what a command serves.
 *
 * @param tree absolute path of the app
 * @throws BuildFailure when it serves nothing that Islet knows, or a directory that is not there
 */
export function resolveStart(command: string, tree: string): Serving {
  const [program = '', ...args] = wordsOf(command);
  const name = program.replace(/^(\.\/)?vendor\/bin\//, '');
  if (name === 'heroku-php-apache2' || name === 'heroku-php-nginx') return servedByHeroku(name, args, tree);
  if (name === 'php' && args.includes('-S')) return servedByPhp(args, tree);
  throw new BuildFailure(`Islet does not know how to start \`${command}\`.`, {
    help: ['A PHP app starts by `heroku-php-apache2 public/`, `heroku-php-nginx public/`, or `php -S 0.0.0.0:$PORT`.'],
  });
}

/**
 * Finds the program of PHP that a command runs: `php artisan queue:work`, `bin/console messenger:consume async`.
 *
 * @returns undefined when it runs none
 * @throws BuildFailure when its script is not there
 */
export function resolveProgram(command: string, tree: string): Running | undefined {
  const [program = '', ...args] = wordsOf(command);
  const ofPhp = program === 'php' ? parsePhp(args) : { file: program, args, settings: [] };
  if (ofPhp.refused !== undefined) return undefined;
  const { file, code, args: rest, settings } = ofPhp;
  if (code !== undefined) return { program: { code, name: 'Standard input code', args: rest }, settings };
  const path = file && join(tree, file);
  if (program === 'php' && (!path || !existsSync(path))) {
    throw new BuildFailure(`The Procfile starts ${file ?? 'php without a script'}, which is not there.`);
  }
  if (!file || !path || !existsSync(path) || !statSync(path).isFile()) return undefined;
  if (program !== 'php' && !/^#!.*\bphp/.test(readFileSync(path, 'latin1').slice(0, 200))) return undefined;
  return { program: { file: file.replace(/^(\.\/)+/, ''), name: file, args: rest }, settings };
}

/** A command's words, without what only a shell makes of it. */
function wordsOf(command: string): string[] {
  const words = [...command.trim().matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double),
  );
  while (words[0] === 'exec' || /^\w+=/.test(words[0] ?? '')) words.shift();
  return words;
}

function servedByHeroku(name: string, args: readonly string[], tree: string): Serving {
  const root: string[] = [];
  let config: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '-C') config = args[at + 1];
    if (WITH_VALUE.has(arg)) at += 1;
    else if (!arg.startsWith('-')) root.push(arg);
  }
  const server = name === 'heroku-php-nginx' ? 'nginx' : 'apache2';
  const serving: Serving = { server, root: directory(root[0] ?? '', tree) };
  const front = config === undefined ? undefined : frontOf(config, server, tree);
  return { ...serving, ...(front !== undefined && { front }) };
}

/**
 * The front controller of a web server's configuration: `try_files $uri @rewriteapp`, `rewrite … /index.php`,
 * `FallbackResource /index.php`.
 */
function frontOf(config: string, server: 'apache2' | 'nginx', tree: string): string | undefined {
  const path = join(tree, config);
  if (!existsSync(path)) throw new BuildFailure(`The Procfile names the configuration ${config}, which is not there.`);
  const text = readFileSync(path, 'utf8').replace(/#.*/g, '');
  const [, front] =
    server === 'nginx'
      ? (/(?:try_files[^;]*|rewrite\s+\S+)\s\/?([\w/.-]+\.php)/.exec(text) ?? [])
      : (/(?:FallbackResource|RewriteRule\s+\S+)\s+\/?([\w/.-]+\.php)/i.exec(text) ?? []);
  return front;
}

function servedByPhp(args: readonly string[], tree: string): Serving {
  const rest: string[] = [];
  let root = '';
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '-t') root = args[++at] ?? '';
    else if (arg === '-S' || arg === '-d' || arg === '-c') at += 1;
    else if (!arg.startsWith('-')) rest.push(arg);
  }
  const [router] = rest;
  if (router !== undefined && !existsSync(join(tree, router))) {
    throw new BuildFailure(`The process type web starts ${router}, which is not there.`);
  }
  return { server: 'builtin', root: directory(root, tree), ...(router !== undefined && { router }) };
}

/** @returns the path without slashes at its ends */
function directory(path: string, tree: string): string {
  const clean = path.replace(/^(\.?\/)+|\/+$/g, '').replace(/^\.$/, '');
  if (clean.split('/').includes('..') || !existsSync(join(tree, clean))) {
    throw new BuildFailure(`The document root ${path} is not a directory of the app.`);
  }
  return clean;
}
