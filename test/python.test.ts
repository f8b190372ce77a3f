/** Needs a pip on this machine, which says where the package index is. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

/** Starting Python takes seconds; on a busy machine, many. */
const PATIENCE = 600_000;

const hasPip = Boolean(process.env.PIP_INDEX_URL) || spawnSync('python3', ['-m', 'pip', '--version']).status === 0;

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
from flask import Flask, render_template, request, session
app = Flask(__name__)
app.secret_key = 'secret'

@app.get('/')
def index():
    app.logger.warning('asked for %s', request.args['name'])
    return render_template('index.html', name=request.args['name'])

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

  it('collects the static files of a Django app, which WhiteNoise serves', async () => {
    const project = {
      'requirements.txt': 'Django==5.2.8\nwhitenoise==6.11.0\ngunicorn==23.0.0\n',
      Procfile: 'web: gunicorn site_project.wsgi\n',
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
from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_project.settings')
application = get_wsgi_application()
`,
      'site_project/settings.py': `
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = 'for a test'
DEBUG = False
ALLOWED_HOSTS = ['*']
INSTALLED_APPS = ['django.contrib.staticfiles', 'site_project']
MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware', 'django.middleware.csrf.CsrfViewMiddleware']
ROOT_URLCONF = 'site_project.urls'
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/tmp/db.sqlite3'}}
STATIC_URL = '/static/'
STATIC_ROOT = BASE_DIR / 'staticfiles'
STORAGES = {'staticfiles': {'BACKEND': 'whitenoise.storage.CompressedManifestStaticFilesStorage'}}
`,
      'site_project/urls.py': `
from django import forms
from django.shortcuts import render
from django.urls import path


class Greeting(forms.Form):
    name = forms.CharField(max_length=10)


def index(request):
    form = Greeting(request.GET or None)
    return render(request, 'index.html', {'form': form, 'name': form.cleaned_data['name'] if form.is_valid() else None})


urlpatterns = [path('', index)]
`,
      'site_project/templates/index.html':
        '{% load static %}<link href="{% static "site.css" %}"><p>{% if name %}Hello, {{ name }}{% else %}{{ form.name.errors }}{% endif %}</p>\n',
      'site_project/static/site.css': 'body { color: navy }\n',
    };
    const { code, stderr } = await push('djangos', project);
    expect(stderr).toContain('-----> $ python manage.py collectstatic --noinput');
    expect(stderr).toMatch(/static files? copied/);
    expect(code).toBe(0);
    const page = await platform.app('djangos', '/?name=%3CAda%3E');
    expect(page.text).toMatch(/<p>Hello, &lt;Ada&gt;<\/p>/);
    const [, css = ''] = /href="(\/static\/site\.[0-9a-f]{12}\.css)"/.exec(page.text) ?? [];
    expect(await platform.app('djangos', css)).toMatchObject({ status: 200, text: 'body { color: navy }\n' });
    expect((await platform.app('djangos', '/?name=much%20too%20long')).text).toContain('at most 10 characters');
  });
});
