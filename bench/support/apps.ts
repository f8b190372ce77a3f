/** An app of each runtime without a framework, and one with: what the benches of runtimes deploy. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { INSTALLED as PHP_PACKAGES, slimPackages } from '../../test/support/composer-packages.ts';
import { FileServer } from '../../test/support/file-server.ts';
import { GemServer } from '../../test/support/gem-server.ts';

export interface App {
  /** Its files, or a directory of test/apps. */
  source: string | Record<string, string>;
  /** What serves it on this machine, in its tree; `$PORT` is a port. */
  command?: string[];
  /** To be run before, in its tree. */
  prepare?: string[];
}

const has = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
/** The apps by their names, and the servers that their packages come from. */
export interface Apps {
  apps: Record<string, App>;
  /** What a platform needs to take packages from those servers. */
  settings: { TRUSTED_HOSTS: string };
  stop(): Promise<void>;
}

/** All apps that this machine has what they need for: Ruby and PHP need what their tests need. */
export async function runtimeApps(): Promise<Apps> {
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
        'app.py':
          "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def index():\n    return 'hello'\n",
      },
    },
    PHP: {
      source: { 'index.php': "<?php echo 'hello';\n" },
      ...(has('php') && { command: ['php', '-S', '127.0.0.1:$PORT'] }),
    },
    ...(existsSync(`${PHP_PACKAGES}/Slim`) && { 'PHP, Slim': { source: await slim(files) } }),
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
        ...(has('puma') && { command: ['ruby', 'app.rb', '-p', '$PORT', '-e', 'production', '-s', 'puma'] }),
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
  return {
    apps,
    settings: { TRUSTED_HOSTS: [files.host, ...(gems ? [new URL(gems.url).host] : [])].join(',') },
    async stop() {
      files.stop();
      await gems?.stop();
    },
  };
}

async function slim(files: FileServer): Promise<Record<string, string>> {
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
