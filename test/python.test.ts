/** Needs a pip on this machine, which says where the package index is. */
import { spawnSync } from 'node:child_process';
import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import type { Answer } from './support/request.ts';

/** Starting Python takes seconds; on a busy machine, many. */
const PATIENCE = 600_000;

const hasPip = Boolean(process.env.PIP_INDEX_URL) || spawnSync('python3', ['-m', 'pip', '--version']).status === 0;

/** A browser, as far as forms need one. */
class Visitor {
  readonly #ask: (path: string, options: object) => Promise<Answer>;
  readonly #cookies = new Map<string, string>();
  #token = '';

  constructor(ask: (path: string, options: object) => Promise<Answer>) {
    this.#ask = ask;
  }

  get = (path: string) => this.#send(path, {});

  /** Posts a form with the token of the page that was read last. */
  post(path: string, fields: Record<string, string>) {
    const body = new URLSearchParams({ csrfmiddlewaretoken: this.#token, ...fields }).toString();
    return this.#send(path, { method: 'POST', body }, { 'content-type': 'application/x-www-form-urlencoded' });
  }

  async #send(path: string, options: object, headers: Record<string, string> = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#ask(path, { ...options, headers: { ...headers, cookie } });
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    this.#token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(answer.text)?.[1] ?? this.#token;
    return answer;
  }
}

describe.skipIf(!hasPip)('Python', { timeout: PATIENCE }, () => {
  let platform: Platform;
  const repositories: Repository[] = [];

  beforeAll(async () => {
    platform = await Platform.start({ RUNNERS: '1' });
  });
  afterAll(async () => {
    for (const repository of repositories) await repository.destroy();
    await platform?.destroy();
  });

  async function push(name: string, files: Record<string, string>): Promise<{ code: number; stderr: string }> {
    const repository = await Repository.create(files);
    repositories.push(repository);
    await platform.api('POST', '/apps', { name });
    return repository.git('push', platform.remote(name), 'main');
  }

  it('serves a WSGI file without any package', async () => {
    const { code, stderr } = await push('plain', {
      'requirements.txt': '',
      '.python-version': '3.14\n',
      Procfile: `web: gunicorn --workers 2 -b 0.0.0.0:$PORT 'site_app:make_app("plain")'\n`,
      'site_app.py': `
import os

def make_app(name):
    def app(environ, start_response):
        if environ['PATH_INFO'] == '/fail':
            raise RuntimeError('on purpose')
        body = environ['wsgi.input'].read()
        lines = [name, environ['REQUEST_METHOD'], environ['QUERY_STRING'], body.decode(), os.environ['GREETING']]
        start_response('200 OK', [('Content-Type', 'text/plain; charset=utf-8'), ('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')])
        return ('\\n'.join(lines[at:at + 1]).encode() + b'\\n' for at in range(len(lines)))
    return app
`,
    });
    expect(stderr).toContain('Using Python 3.14 specified in .python-version');
    expect(code).toBe(0);
    await platform.api('PATCH', '/apps/plain/config-vars', { GREETING: 'hello' });
    const answer = await platform.app('plain', '/a?x=1', { method: 'POST', body: 'é' });
    expect(answer.text).toBe('plain\nPOST\nx=1\né\nhello\n');
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect((await platform.app('plain', '/fail')).status).toBe(500);
    await expect.poll(() => platform.log('plain'), { timeout: 20_000 }).toContain('RuntimeError: on purpose');
  });

  it('serves Flask with templates of Jinja, whose MarkupSafe has no wheel', async () => {
    const { code, stderr } = await push('flasky', {
      'requirements.txt': 'flask\ngunicorn\n',
      Procfile: 'web: python app.py\n',
      'templates/index.html': '<h1>{{ name }}</h1>',
      'app.py': `
import os
import hashlib
from flask import Flask, render_template, request, session
from werkzeug.security import check_password_hash, generate_password_hash
app = Flask(__name__)
app.secret_key = 'secret'

@app.get('/')
def index():
    app.logger.warning('asked for %s', request.args['name'])
    return render_template('index.html', name=request.args['name'])

@app.get('/hashes')
def hashes():
    hashed = generate_password_hash('secret')
    return {
        'kind': hashed.split('$')[0],
        'right': check_password_hash(hashed, 'secret'),
        'wrong': check_password_hash(hashed, 'guess'),
        'pbkdf2': hashlib.pbkdf2_hmac('sha256', b'a', b'b', 1000, 8).hex(),
        'scrypt': hashlib.scrypt(b'a', salt=b'b', n=16, r=8, p=1, dklen=8).hex(),
    }

@app.get('/count')
def count():
    session['count'] = session.get('count', 0) + 1
    return str(session['count'])

if __name__ == '__main__':
    app.run(port=int(os.environ['PORT']))
`,
    });
    expect(stderr).toMatch(/Successfully installed .*flask-/);
    expect(code).toBe(0);
    expect((await platform.app('flasky', '/?name=%3CAda%3E')).text).toBe('<h1>&lt;Ada&gt;</h1>');
    expect(JSON.parse((await platform.app('flasky', '/hashes')).text)).toEqual({
      kind: 'scrypt:32768:8:1',
      right: true,
      wrong: false,
      pbkdf2: pbkdf2Sync('a', 'b', 1000, 8, 'sha256').toString('hex'),
      scrypt: scryptSync('a', 'b', 8, { N: 16, r: 8, p: 1 }).toString('hex'),
    });
    const first = await platform.app('flasky', '/count');
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? '';
    expect((await platform.app('flasky', '/count', { headers: { cookie } })).text).toBe('2');
    await expect.poll(() => platform.log('flasky'), { timeout: 20_000 }).toContain('asked for <Ada>');
  });

  it('serves FastAPI: lifespan, validation by pydantic, streams', async () => {
    const { code } = await push('fasty', {
      'requirements.txt': 'fastapi\nuvicorn[standard]\n',
      Procfile: 'web: uvicorn main:app --host 0.0.0.0 --port $PORT\n',
      'main.py': `
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

@asynccontextmanager
async def lifespan(app):
    app.state.ready = 'ready'
    yield

app = FastAPI(lifespan=lifespan)

class Item(BaseModel):
    name: str
    price: float

@app.get('/')
def root():
    return {'state': app.state.ready}

@app.post('/items')
async def items(item: Item):
    return {'name': item.name, 'total': item.price * 2}

@app.get('/stream')
async def stream():
    async def pieces():
        for at in range(3):
            yield f'{at}\\n'
            await asyncio.sleep(0.01)
    return StreamingResponse(pieces())
`,
    });
    expect(code).toBe(0);
    expect((await platform.app('fasty', '/')).text).toBe('{"state":"ready"}');
    const post = (body: object) =>
      platform.app('fasty', '/items', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
    expect((await post({ name: 'a', price: 1.5 })).text).toBe('{"name":"a","total":3.0}');
    expect((await post({ name: 'a' })).status).toBe(422);
    expect((await platform.app('fasty', '/stream')).text).toBe('0\n1\n2\n');
  });

  it('serves Starlette with a WebSocket', async () => {
    const { code, stderr } = await push('starry', {
      'requirements.txt': 'starlette\nuvicorn\n',
      Procfile: 'web: uvicorn main:app --port $PORT\n',
      'main.py': `
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

async def index(request):
    return PlainTextResponse('hello ' + request.path_params['name'])

async def echo(websocket):
    await websocket.accept(subprotocol='echo')
    while True:
        event = await websocket.receive()
        if event['type'] == 'websocket.disconnect':
            return print('closed', event['code'], event['reason'], flush=True)
        await websocket.send_text('echo ' + event['text'])
        await websocket.send_bytes(event['text'].encode())

app = Starlette(routes=[Route('/hello/{name}', index), WebSocketRoute('/socket', echo)])
`,
    });
    expect(code, stderr).toBe(0);
    expect((await platform.app('starry', '/hello/Ada')).text).toBe('hello Ada');
    const socket = new WebSocket(`ws://127.0.0.1:${platform.port}/socket`, ['echo'], {
      headers: { host: `starry.localhost:${platform.port}` },
    });
    await once(socket, 'open');
    expect(socket.protocol).toBe('echo');
    const received: string[] = [];
    socket.on('message', (data, isBinary) => received.push(`${isBinary} ${data}`));
    socket.send('é');
    await expect.poll(() => received, { timeout: 20_000 }).toEqual(['false echo é', 'true é']);
    socket.close(4001, 'bye');
    await expect.poll(() => platform.log('starry'), { timeout: 20_000 }).toContain('app[web.1]: closed 4001 bye');
  });

  it('refuses a package that has native code and no wheel, by its name', async () => {
    const { code, stderr } = await push('native', {
      'requirements.txt': 'psycopg2==2.9.10\n',
      Procfile: 'web: gunicorn app:app\n',
      'app.py': '',
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('The package psycopg2 2.9.10 has native code, and no wheel for WebAssembly.');
  });

  it('refuses a package that is not the one that a hash pins', async () => {
    const { code, stderr } = await push('tampered', {
      'requirements.txt': `itsdangerous==2.2.0 --hash=sha256:${'0'.repeat(64)}\n`,
      Procfile: 'web: gunicorn app:app\n',
      'app.py': '',
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('THESE PACKAGES DO NOT MATCH THE HASHES');
  });

  it('serves Django: static files by WhiteNoise, forms, the admin; migrates in the release phase', async () => {
    const project = {
      'requirements.txt': 'Django==5.2.8\nwhitenoise==6.11.0\ngunicorn==23.0.0\n',
      Procfile: 'web: gunicorn site_project.wsgi\nrelease: python manage.py migrate\nclock: python clock.py\n',
      'bin/pre_compile': 'echo "before $GREETING"\nrm old.txt\n',
      'bin/post_compile': "python -c \"open('made.txt', 'w').write(str(1 + 1))\"\ncat made.txt; echo\n",
      'old.txt': 'old',
      'clock.py':
        'import time\nfor at in range(3):\n    print("tick", at)\n    time.sleep(0.2)\nprint("done")\ntime.sleep(60)\n',
      'manage.py': `
import os
import sys

if __name__ == '__main__':
    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_project.settings')
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
`,
      'site_project/__init__.py': '',
      'site_project/wsgi.py': `
import os
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_project.settings')
application = get_wsgi_application()

# The database is this process's own.
from django.contrib.auth.models import User

call_command('migrate', verbosity=0)
User.objects.create_superuser('ada', 'ada@example.com', 'lovelace')
`,
      'site_project/models.py': `
from django.db import models


class Ferry(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self):
        return self.name
`,
      'site_project/admin.py': `
from django.contrib import admin
from site_project.models import Ferry

admin.site.register(Ferry)
`,
      'site_project/migrations/__init__.py': '',
      'site_project/migrations/0001_initial.py': `
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel('Ferry', [
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('name', models.CharField(max_length=20)),
        ]),
    ]
`,
      'site_project/settings.py': `
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = 'for a test'
DEBUG = False
ALLOWED_HOSTS = ['*']
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
INSTALLED_APPS = [f'django.contrib.{name}' for name in ('admin', 'auth', 'contenttypes', 'sessions', 'messages', 'staticfiles')]
INSTALLED_APPS += ['site_project']
MIDDLEWARE = [
    'whitenoise.middleware.WhiteNoiseMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.csrf.CsrfViewMiddleware',
    'django.contrib.auth.middleware.AuthenticationMiddleware',
    'django.contrib.messages.middleware.MessageMiddleware',
]
ROOT_URLCONF = 'site_project.urls'
TEMPLATES = [{
    'BACKEND': 'django.template.backends.django.DjangoTemplates',
    'APP_DIRS': True,
    'OPTIONS': {'context_processors': [
        'django.template.context_processors.request',
        'django.contrib.auth.context_processors.auth',
        'django.contrib.messages.context_processors.messages',
    ]},
}]
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/tmp/db.sqlite3'}}
STATIC_URL = '/static/'
STATIC_ROOT = BASE_DIR / 'staticfiles'
STORAGES = {'staticfiles': {'BACKEND': 'whitenoise.storage.CompressedManifestStaticFilesStorage'}}
`,
      'site_project/urls.py': `
from django import forms
from django.contrib import admin
from django.shortcuts import render
from django.urls import path


class Greeting(forms.Form):
    name = forms.CharField(max_length=10)


def index(request):
    form = Greeting(request.GET or None)
    return render(request, 'index.html', {'form': form, 'name': form.cleaned_data['name'] if form.is_valid() else None})


urlpatterns = [path('', index), path('admin/', admin.site.urls)]
`,
      'site_project/templates/index.html':
        '{% load static %}<link href="{% static "site.css" %}"><p>{% if name %}Hello, {{ name }}{% else %}{{ form.name.errors }}{% endif %}</p>\n',
      'site_project/static/site.css': 'body { color: navy }\n',
    };
    await platform.api('POST', '/apps', { name: 'djangos' });
    await platform.api('PATCH', '/apps/djangos/config-vars', { GREETING: 'hello' });
    const { code, stderr } = await push('djangos', project);
    expect(stderr).toMatch(/Running bin\/pre_compile hook\s+remote: {8}before hello/);
    expect(stderr).toMatch(/Running bin\/post_compile hook\s+remote: {8}2/);
    expect(stderr).toContain('-----> $ python manage.py collectstatic --noinput');
    expect(stderr).toMatch(/static files? copied/);
    expect(stderr).toContain('This app keeps data in SQLite');
    expect(stderr).toMatch(/Running release command[\s\S]*Applying site_project\.0001_initial\.\.\. OK/);
    expect(code, stderr).toBe(0);
    const page = await platform.app('djangos', '/?name=%3CAda%3E');
    expect(page.text).toMatch(/<p>Hello, &lt;Ada&gt;<\/p>/);
    const [, css = ''] = /href="(\/static\/site\.[0-9a-f]{12}\.css)"/.exec(page.text) ?? [];
    expect(await platform.app('djangos', css)).toMatchObject({ status: 200, text: 'body { color: navy }\n' });
    expect((await platform.app('djangos', '/?name=much%20too%20long')).text).toContain('at most 10 characters');

    const admin = new Visitor((path, options) => platform.app('djangos', path, options));
    const login = await admin.get('/admin/login/?next=/admin/');
    expect(login.text).toContain('Django administration');
    const [, sheet = ''] = /href="(\/static\/admin\/css\/base\.[0-9a-f]{12}\.css)"/.exec(login.text) ?? [];
    expect((await platform.app('djangos', sheet)).status).toBe(200);
    expect((await admin.post('/admin/login/', { username: 'ada', password: 'wrong' })).text).toContain(
      'correct username',
    );
    const entered = await admin.post('/admin/login/', { username: 'ada', password: 'lovelace', next: '/admin/' });
    expect(entered).toMatchObject({ status: 302, headers: { location: '/admin/' } });
    expect((await admin.get('/admin/')).text).toContain('Ferrys');
    await admin.get('/admin/site_project/ferry/add/');
    expect((await admin.post('/admin/site_project/ferry/add/', { name: 'Alba <1>' })).status).toBe(302);
    expect((await admin.get('/admin/site_project/ferry/')).text).toContain('Alba &lt;1&gt;</a>');

    // A one-off dyno has Python, and the commands of packages.
    const run = async (command: string) => {
      const { body } = await platform.api<{ name: string }>('POST', '/apps/djangos/dynos', { command });
      const ended = new RegExp(`heroku\\[${body.name.replace('.', '\\.')}\\]: Process exited with status (\\d+)`);
      await expect.poll(() => platform.log('djangos'), { timeout: 120_000, interval: 500 }).toMatch(ended);
      const log = await platform.log('djangos');
      const lines = log.split('\n').flatMap((line) => line.split(`app[${body.name}]: `)[1] ?? []);
      return { status: Number(ended.exec(log)?.[1]), text: lines.join('\n') };
    };
    expect(await run('python -c "import os, sys; print(os.getcwd(), os.environ[\'DYNO\'][:4]); sys.exit(3)"')).toEqual({
      status: 3,
      text: '/tmp/app run.',
    });
    expect(await run('rm -f made.txt; python -c "import os; os.remove(\'manage.py\')"; echo *.py *.txt')).toEqual({
      status: 0,
      text: 'clock.py requirements.txt',
    });
    expect(
      await run('django-admin --version && echo "print(1 + 1)" > a.py && python3 a.py && cat a.py | python'),
    ).toEqual({
      status: 0,
      text: '5.2.8\n2\n2',
    });
    expect((await run('python manage.py no_such')).text).toContain("Unknown command: 'no_such'");

    await platform.api('PATCH', '/apps/djangos/formation/clock', { quantity: 1 });
    await expect
      .poll(() => platform.log('djangos'), { timeout: 60_000, interval: 500 })
      .toMatch(/app\[clock\.1\]: tick 0[\s\S]*tick 2[\s\S]*done/);
  });
});
