/**
 * `npm run bench:runtimes`: for each runtime an app without a framework and one with, on Islet and, where this machine has
 * what it takes, as a process of its own, in one run. Ruby and PHP need what their tests need.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { freePort } from '../host/free-port.ts';
import { processStat } from '../host/process-stat.ts';
import { INSTALLED as PHP_PACKAGES, slimPackages } from '../test/support/composer-packages.ts';
import { FileServer } from '../test/support/file-server.ts';
import { GemServer } from '../test/support/gem-server.ts';
import { Platform } from '../test/support/platform.ts';
import { Repository } from '../test/support/repository.ts';
import { coldStart, median, runnersMemory } from './support/dynos.ts';
import { publish, type Result } from './support/results.ts';
import { untilOk, wrk } from './support/wrk.ts';

const STARTS = 5;
const MIB = 2 ** 20;

interface App {
  /** Its files, or a directory of test/apps. */
  source: string | Record<string, string>;
  /** What serves it on this machine, in its tree; `$PORT` is a port. */
  command?: string[];
  /** To be run before, in its tree. */
  prepare?: string[];
}

const has = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
const files = await FileServer.start();
const gems = has('ruby') ? await GemServer.start() : undefined;

const apps: Record<string, App> = {
  'Node.js': {
    source: {
      'package.json': '{"name":"small","scripts":{"start":"node server.js"}}',
      'server.js': "require('node:http').createServer((_, res) => res.end('hello')).listen(process.env.PORT);\n",
    },
    command: [process.execPath, 'server.js'],
  },
  'Node.js, Express': {
    source: 'express',
    prepare: ['npm', 'ci', '--silent'],
    command: [process.execPath, 'server.js'],
  },
  Worker: {
    source: {
      'wrangler.toml': 'main = "worker.js"\n',
      'worker.js': "export default { fetch: () => new Response('hello') };\n",
    },
  },
  'Deno, Hono': { source: 'deno/site' },
  Python: {
    source: {
      'requirements.txt': '',
      Procfile: 'web: gunicorn app:app\n',
      'app.py': "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n",
    },
    ...(has('gunicorn') && { command: ['gunicorn', '-b', '127.0.0.1:$PORT', 'app:app'] }),
  },
  'Python, Flask': {
    source: {
      'requirements.txt': 'flask\n',
      Procfile: 'web: gunicorn app:app\n',
      'app.py': "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return 'hello'\n",
    },
  },
  'Python, FastAPI': {
    source: {
      'requirements.txt': 'fastapi\n',
      Procfile: 'web: uvicorn app:app\n',
      'app.py': "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def index():\n    return 'hello'\n",
    },
  },
  PHP: {
    source: { 'index.php': "<?php echo 'hello';\n" },
    ...(has('php') && { command: ['php', '-S', '127.0.0.1:$PORT'] }),
  },
  ...(existsSync(`${PHP_PACKAGES}/Slim`) && { 'PHP, Slim': { source: await slim() } }),
  ...(gems && {
    Ruby: {
      source: { ...(await gems.bundle(['rack'])), 'config.ru': "run lambda { |env| [200, {}, ['hello']] }\n" },
      ...(has('puma') && { command: ['puma', '-b', 'tcp://127.0.0.1:$PORT'] }),
    },
    'Ruby, Sinatra': {
      source: {
        ...(await gems.bundle(['sinatra', 'webrick'], {
          sinatra: ['mustermann', 'rack', 'rack-protection', 'tilt'],
          mustermann: ['ruby2_keywords'],
          'rack-protection': ['rack'],
        })),
        Procfile: 'web: bundle exec ruby app.rb -p $PORT\n',
        'app.rb': "require 'sinatra'\nget('/') { 'hello' }\n",
      },
    },
  }),
  ...(has('go') && {
    'Go, net/http': {
      source: 'go/site',
      prepare: ['go', 'build', '-o', 'program', '.'],
      command: ['./program', '-port', '$PORT'],
    },
  }),
};

async function slim(): Promise<Record<string, string>> {
  return {
    Procfile: 'web: heroku-php-apache2 public/\n',
    'composer.json': '{"require":{"slim/slim":"^3.12"}}',
    'composer.lock': JSON.stringify({ packages: await slimPackages(files) }),
    'public/.htaccess': 'FallbackResource /index.php\n',
    'public/index.php': `<?php
      require __DIR__ . '/../vendor/autoload.php';
      $app = new Slim\\App();
      $app->get('/', fn ($request, $response) => $response->write('hello'));
      $app->run();
    `,
  };
}

const results: Result[] = [];
const add = (subject: string, task: string, unit: string, value: number): void => {
  results.push({ subject, task, unit, value: Math.round(value * 10) / 10 });
};

async function measureLoad(subject: string, name: string, port: number, args: string[]): Promise<void> {
  for (const connections of [1, 32]) {
    const measured = await wrk(port, '/', args, connections);
    for (const [unit, value] of Object.entries(measured)) add(subject, `${name}: ${connections} at once`, unit, value);
  }
}

async function onIslet(name: string, { source }: App): Promise<void> {
  const platform = await Platform.start({
    RUNNERS: '1',
    TRUSTED_HOSTS: [files.host, ...(gems ? [new URL(gems.url).host] : [])].join(','),
  });
  const repository = await Repository.create(source);
  try {
    await platform.api('POST', '/apps', { name: 'bench' });
    const before = runnersMemory(platform);
    const { code, stderr } = await repository.git('push', platform.remote('bench'), 'main');
    if (code !== 0) throw new Error(stderr);
    await untilOk(platform.port, 'bench.localhost');
    add('Islet', `${name}: memory of an instance`, 'MiB', runnersMemory(platform) - before);
    add('Islet', `${name}: cold start`, 'ms', await coldStart(platform, 'bench', STARTS));
    await measureLoad('Islet', name, platform.port, ['-H', 'Host: bench.localhost']);
  } finally {
    await repository.destroy();
    await platform.destroy();
  }
}

async function natively(name: string, { source, command, prepare }: App): Promise<void> {
  if (!command) return;
  const repository = await Repository.create(source);
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const [program = '', ...args] = command.map((word) => word.replace('$PORT', String(port)));
  let server: ChildProcess | undefined;
  const start = async (): Promise<number> => {
    server?.kill('SIGKILL');
    const begun = performance.now();
    server = spawn(program, args, { cwd: repository.path, env, stdio: 'ignore' });
    await untilOk(port, '127.0.0.1');
    return performance.now() - begun;
  };
  try {
    const [tool = '', ...rest] = prepare ?? ['true'];
    const made = spawnSync(tool, rest, { cwd: repository.path, env, timeout: 300_000 });
    if (made.status !== 0) throw new Error(`${prepare?.join(' ')}: ${made.stderr}`);
    const times: number[] = [];
    for (let round = 0; round < STARTS; round++) times.push(await start());
    add('native', `${name}: memory of an instance`, 'MiB', (processStat(server?.pid ?? 0)?.memory ?? 0) / MIB);
    add('native', `${name}: cold start`, 'ms', median(times));
    await measureLoad('native', name, port, []);
  } finally {
    server?.kill('SIGKILL');
    await repository.destroy();
  }
}

try {
  for (const [name, app] of Object.entries(apps)) {
    await onIslet(name, app);
    await natively(name, app);
  }
  publish('runtimes', results);
} finally {
  files.stop();
  await gems?.stop();
}
