import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { resolveStart } from './start-command.ts';

const tree = mkdtempSync(join(tmpdir(), 'islet-python-'));
for (const file of ['app.py', 'manage.py']) writeFileSync(join(tree, file), '');
afterAll(() => rm(tree, { recursive: true }));

const start = (command: string, files: Record<string, string> = {}) =>
  resolveStart(command, { tree, config: {}, read: (path) => files[path] });

describe('resolveStart', () => {
  it.each([
    ['gunicorn app:app', 'app', 'app', 'wsgi'],
    ['gunicorn mysite.wsgi --log-file - --workers=4', 'mysite.wsgi', 'application', 'wsgi'],
    ['gunicorn -w 4 -b 0.0.0.0:$PORT --preload "app:create_app(\'x\')"', 'app', "create_app('x')", 'wsgi'],
    ['gunicorn -k uvicorn.workers.UvicornWorker main:app', 'main', 'app', 'asgi'],
    ['uvicorn main:app --host 0.0.0.0 --port $PORT', 'main', 'app', 'asgi'],
    ['uvicorn --factory main:create', 'main', 'create()', 'asgi'],
    ['python -m uvicorn main:app', 'main', 'app', 'asgi'],
    ['uv run hypercorn main:app --bind 0.0.0.0:$PORT', 'main', 'app', 'auto'],
    ['daphne -p $PORT mysite.asgi:application', 'mysite.asgi', 'application', 'asgi'],
    ['waitress-serve --listen=*:$PORT --call app:create', 'app', 'create()', 'wsgi'],
    ['flask --app hello run', 'hello', '', 'wsgi'],
    ['FLASK_APP=site.py flask run -p $PORT', 'site', '', 'wsgi'],
  ])('%s', (command, module, object, kind) => {
    expect(start(command)).toEqual({
      kind: 'application',
      module,
      object,
      interface: kind,
      directory: expect.any(String),
    });
  });

  it('takes directories of cd and of options', () => {
    expect(start('cd web && gunicorn --chdir src app:app')).toMatchObject({ directory: 'web/src' });
  });

  it('reads what is served from the configuration file of Gunicorn', () => {
    expect(start('gunicorn', { 'gunicorn.conf.py': "wsgi_app = 'site:app'\n" })).toMatchObject({
      module: 'site',
      object: 'app',
    });
  });

  it('runs files and modules', () => {
    expect(start('python manage.py migrate --noinput')).toEqual({
      kind: 'script',
      file: 'manage.py',
      args: ['migrate', '--noinput'],
    });
    expect(start('python3 -u app.py')).toEqual({ kind: 'script', file: 'app.py', args: [] });
    expect(start('python -m jobs.daily now')).toEqual({ kind: 'module', module: 'jobs.daily', args: ['now'] });
  });

  it.each(['celery -A app worker', 'python missing.py', 'node server.js', 'gunicorn'])(
    'does not know %s',
    (command) => {
      expect(start(command)).toBeUndefined();
    },
  );
});
