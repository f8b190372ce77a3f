/** Reads the commands of a Procfile that start Python apps: what is served, as the server itself is the platform's. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How a process type starts: edge/runtimes/python/adapter/start.ts says what becomes of it. */
export type Start =
  | { kind: 'application'; module: string; object: string; interface: 'wsgi' | 'asgi' | 'auto'; directory: string }
  | { kind: 'script'; file: string; args: string[] }
  | { kind: 'module'; module: string; args: string[] };

interface Server {
  interface: 'wsgi' | 'asgi' | 'auto';
  /** Options that take no value; every other option's value is its own word, or stands behind `=`. */
  flags: RegExp;
}

const servers: Record<string, Server> = {
  gunicorn: {
    interface: 'wsgi',
    flags:
      /^(-D|-R|--(reload|preload|daemon|check-config|print-config|spew|capture-output|no-sendfile|proxy-protocol|enable-stdio-inheritance|strip-header-spaces))$/,
  },
  uvicorn: {
    interface: 'asgi',
    flags: /^--(reload|factory|no-.*|proxy-headers|access-log|use-colors|server-header|date-header)$/,
  },
  hypercorn: { interface: 'auto', flags: /^--(debug|reload|daemon|root-path-strip)$/ },
  daphne: { interface: 'asgi', flags: /^--(proxy-headers|no-server-name)$/ },
  'waitress-serve': { interface: 'wsgi', flags: /^--(?!.*=)/ },
};

/** Words before a command that change nothing of what it starts. */
const PREFIXES = [['exec'], ['uv', 'run'], ['poetry', 'run'], ['pipenv', 'run'], ['newrelic-admin', 'run-program']];

/**
 * Finds what a command starts.
 *
 * @param tree absolute path of the app
 * @param read gives the text of one of the app's files; undefined where there is none
 * @returns undefined when it is no command that Islet knows
 */
export function resolveStart(
  command: string,
  {
    tree,
    config,
    read,
  }: { tree: string; config: Readonly<Record<string, string>>; read: (path: string) => string | undefined },
): Start | undefined {
  const [, directory = '', rest = command] = /^\s*cd\s+(\S+)\s*&&\s*(.*)$/.exec(command) ?? [];
  const words = wordsOf(rest);
  const environment: Record<string, string> = { ...config };
  for (;;) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(words[0] ?? '') ?? [];
    const prefix = PREFIXES.find((prefix) => prefix.every((word, at) => words[at] === word));
    if (name) environment[name] = value;
    if (!name && !prefix) break;
    words.splice(0, prefix?.length ?? 1);
  }
  const [program = '', ...args] = words;
  if (/^python(3(\.\d+)?)?$/.test(program)) {
    while (/^-[uOBIEsS]+$/.test(args[0] ?? '')) args.shift();
    if (args[0] !== '-m') return scriptStart(args, directory, tree);
    const [, module = '', ...more] = args;
    const served = servedBy(module === 'waitress' ? 'waitress-serve' : module, more, {
      directory,
      environment,
      tree,
      read,
    });
    return served ?? (module ? { kind: 'module', module, args: more } : undefined);
  }
  if (/\.py$/.test(program)) return scriptStart([program, ...args], directory, tree);
  return servedBy(program.replace(/^.*\//, ''), args, { directory, environment, tree, read });
}

function scriptStart([file, ...args]: string[], directory: string, tree: string): Start | undefined {
  if (!file) return undefined;
  const path = join(directory, file);
  return existsSync(join(tree, path)) ? { kind: 'script', file: path, args } : undefined;
}

interface Place {
  directory: string;
  environment: Readonly<Record<string, string>>;
  tree: string;
  read: (path: string) => string | undefined;
}

function servedBy(program: string, args: string[], place: Place): Start | undefined {
  if (program === 'flask') return flaskStart(args, place);
  if (program === 'fastapi') {
    const file = args.find((arg) => arg.endsWith('.py')) ?? 'main.py';
    const module = file.replace(/\.py$/, '').replaceAll('/', '.');
    return { kind: 'application', module, object: 'app', interface: 'asgi', directory: place.directory };
  }
  const server = Object.hasOwn(servers, program) ? servers[program] : undefined;
  if (!server) return undefined;
  const { options, positional } = parse(args, server.flags);
  const written = program === 'gunicorn' ? gunicornConfig(options, place) : {};
  const [target = written.wsgi_app] = positional;
  if (target === undefined) return undefined;
  const [module = '', object] = split(target);
  const worker = options['worker-class'] ?? options.k ?? written.worker_class ?? '';
  const call = options.factory !== undefined || options.call !== undefined;
  const inside = options.chdir ?? options['app-dir'] ?? options.pythonpath ?? written.chdir ?? '';
  return {
    kind: 'application',
    module,
    object: `${object ?? (program === 'gunicorn' || program === 'waitress-serve' ? 'application' : 'app')}${call ? '()' : ''}`,
    interface: /uvicorn/i.test(worker) ? 'asgi' : options.interface === 'wsgi' ? 'wsgi' : server.interface,
    directory: join(place.directory, inside),
  };
}

function flaskStart(args: string[], { directory, environment, tree }: Place): Start | undefined {
  if (!args.includes('run')) return undefined;
  const { options } = parse(args, /^--(?!app$)/);
  const named = options.app ?? options.A ?? environment.FLASK_APP;
  const file = ['wsgi', 'app'].find((name) => existsSync(join(tree, directory, `${name}.py`))) ?? 'app';
  const [module = file, object = ''] = split(named ?? file);
  return {
    kind: 'application',
    module: module.replace(/\.py$/, '').replaceAll('/', '.'),
    object,
    interface: 'wsgi',
    directory,
  };
}

/** `module:object`; the object may be a call with arguments of its own. */
function split(target: string): [string, string?] {
  const at = target.indexOf(':');
  return at < 0 ? [target] : [target.slice(0, at), target.slice(at + 1)];
}

/** Settings of Gunicorn's configuration file ("Settings", Gunicorn documentation) that say what is served. */
function gunicornConfig(
  options: Record<string, string>,
  { directory, read }: Place,
): Record<string, string | undefined> {
  const file = (options.config ?? options.c ?? 'gunicorn.conf.py').replace(/^file:/, '');
  const text = read(join(directory, file)) ?? '';
  const setting = (name: string) => new RegExp(`^${name}\\s*=\\s*['"]([^'"]+)['"]`, 'm').exec(text)?.[1];
  return { wsgi_app: setting('wsgi_app'), worker_class: setting('worker_class'), chdir: setting('chdir') };
}

function parse(args: readonly string[], flags: RegExp): { options: Record<string, string>; positional: string[] } {
  const options: Record<string, string> = {};
  const positional: string[] = [];
  const waiting = [...args];
  for (let word = waiting.shift(); word !== undefined; word = waiting.shift()) {
    const [, name = '', value] = /^--?([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    if (!name) positional.push(word);
    else options[name] = value ?? (flags.test(word) ? '' : (waiting.shift() ?? ''));
  }
  return { options, positional };
}

/** Words as a shell takes them: quotes keep blanks together. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}
