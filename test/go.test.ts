/** Go apps by push. Needs a Go on this machine, of which the toolchain is made, and which says where modules are. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import { open } from './support/request.ts';

/** Making the toolchain takes a minute or two; on a busy machine, many. */
const PATIENCE = 900_000;

const hasGo = spawnSync('go', ['version']).status === 0;

const hello = `package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(greeting())) })
	http.ListenAndServe(":"+os.Getenv("PORT"), nil)
}
`;

describe.skipIf(!hasGo)('Go', { timeout: PATIENCE }, () => {
  let platform: Platform;
  const repositories: Repository[] = [];

  beforeAll(async () => {
    platform = await Platform.start({ RUNNERS: '1' });
  });
  afterAll(async () => {
    for (const repository of repositories) await repository.destroy();
    await platform?.destroy();
  });

  async function repositoryOf(source: string | Record<string, string>): Promise<Repository> {
    const repository = await Repository.create(source);
    repositories.push(repository);
    return repository;
  }

  async function push(name: string, source: string | Record<string, string>, config: Record<string, string> = {}) {
    const repository = await repositoryOf(source);
    await platform.api('POST', '/apps', { name });
    await platform.api('PATCH', `/apps/${name}/config-vars`, config);
    return { repository, ...(await repository.git('push', platform.remote(name), 'main')) };
  }

  it('serves net/http with templates, files and signals', async () => {
    const { code, stderr } = await push('site', 'go/site', {
      LONG: 'x'.repeat(20_000),
      GO_LINKER_SYMBOL: 'main.version',
      GO_LINKER_VALUE: 'v1 of it',
    });
    expect(stderr).toContain('Detected Module Name: example.com/site');
    expect(stderr).toContain('Running: go install -v -tags heroku example.com/site');
    expect(stderr).toContain('./bin/site');
    expect(stderr).toMatch(/Running release command[\s\S]*migrating by "some text\\n" <nil> release/);
    expect(code, stderr).toBe(0);
    const text = async (path: string, options?: object) => (await platform.app('site', path, options)).text;

    const page = await platform.app('site', '/?name=%3CAda%3E');
    expect(page.text).toBe('<h1>Hello &lt;Ada&gt;</h1>\n');
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-length': '27' });
    expect(await text('/about')).toBe(
      `v1 of it example.com/site /tmp/app <nil>\nsite.localhost:${platform.port} http 20000\nEurope/Berlin <nil>\n`,
    );
    expect(await text('/public/a%20file.txt')).toBe('some text\n');
    expect((await platform.app('site', '/public/', { method: 'HEAD' })).text).toBe('');
    expect((await platform.app('site', '/public/none')).status).toBe(404);
    expect(await text('/files')).toBe(
      'public,public/a file.txt <nil>\n<nil> <nil>\n<nil> <nil> <nil>\nwritten more <nil> <nil>\ntrue\n',
    );
    expect(await text('/count', { method: 'POST', body: Buffer.alloc(3_000_000) })).toBe('3000000 <nil>\n');
    expect(await text('/count', { method: 'POST', body: 'small' })).toBe('5 <nil>\n');
    expect(await text('/slow')).toBe('begun ended');

    // The way out is fetch, which does not lead to this machine.
    expect(await text('/fetch?url=data:text/plain,to%2520be%2520read')).toBe('200 text/plain to be read <nil>\n');
    expect(await text(`/fetch?url=http://127.0.0.1:${platform.port}/health`)).toMatch(/^refused: .*fetch\(\) failed/);

    // A panic outside of net/http's own care is the end of the process, and of what it was to answer.
    const before = (await platform.log('site')).split('listening on').length;
    expect((await platform.app('site', '/panic')).status).toBe(503);
    await expect.poll(() => platform.log('site'), { timeout: 20_000 }).toMatch(/panic: on purpose[\s\S]*code=H13/);
    const again = async () => (await platform.log('site')).split('listening on').length;
    await expect.poll(again, { timeout: 20_000 }).toBe(before + 1);
    expect(await text('/?name=again')).toBe('<h1>Hello again</h1>\n');

    // A restart lets what has begun end.
    const slow = text('/slow');
    await expect.poll(async () => (await open(platform.port, 'site.localhost', '/')).statusCode).toBe(200);
    await platform.api('DELETE', '/apps/site/dynos');
    expect(await slow).toBe('begun ended');
    await expect.poll(() => platform.log('site'), { timeout: 20_000 }).toContain('shutting down: <nil>');

    const command = 'site -migrate one two; echo "status $?" $(cat done.txt)';
    await platform.api('POST', '/apps/site/dynos', { command });
    await expect.poll(() => platform.log('site'), { timeout: 60_000 }).toMatch(/app\[run\.\d+\]: status 2 one,two/);

    await platform.api('PATCH', '/apps/site/formation/ticker', { quantity: 1 });
    await expect.poll(() => platform.log('site'), { timeout: 20_000 }).toContain('app[ticker.1]: ');
    await expect.poll(() => platform.log('site'), { timeout: 20_000 }).toMatch(/tick 3 ticker\.1/);
    await platform.api('PATCH', '/apps/site/formation/ticker', { quantity: 0 });
  });

  it('serves Gin with JSON, templates and static files', async () => {
    // Without its coder for MessagePack, which takes longer to compile than everything else.
    const { code, stderr } = await push('gins', 'go/gin', { GOFLAGS: '-tags=nomsgpack' });
    expect(code, stderr).toBe(0);
    const app = (path: string, options?: object) => platform.app('gins', path, options);
    expect((await app('/')).text).toBe('<h1>Hello &lt;nobody&gt;</h1>\n');
    const style = await app('/static/style.css');
    expect(style).toMatchObject({
      text: 'body { color: navy }\n',
      headers: { 'content-type': 'text/css; charset=utf-8' },
    });
    const order = (body: object) => app('/orders', { method: 'POST', body: JSON.stringify(body) });
    expect(await order({ item: 'pen', count: 2 })).toMatchObject({ status: 201, text: '{"item":"pen","total":6}' });
    expect((await order({ count: 0 })).text).toMatch(/'Item' failed on the 'required' tag/);
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(300_000)]), 'zeros.bin');
    const encoded = new Response(form);
    const headers = { 'content-type': encoded.headers.get('content-type') };
    const body = Buffer.from(await encoded.arrayBuffer());
    expect((await app('/upload', { method: 'POST', headers, body })).text).toBe('zeros.bin 300000 <nil>');
    expect((await app('/panic')).status).toBe(500);
    await expect.poll(() => platform.log('gins'), { timeout: 20_000 }).toContain('caught by Gin');
  });

  it('streams both ways and speaks by WebSockets with Chi', async () => {
    const { code, stderr, repository } = await push('chis', 'go/chi');
    expect(code, stderr).toBe(0);
    expect((await platform.app('chis', '/users/7')).text).toBe('user 7');

    const events = await open(platform.port, 'chis.localhost', '/events');
    expect(events.headers['content-type']).toBe('text/event-stream');
    const parts: string[] = [];
    for await (const part of events) parts.push(String(part));
    expect(parts.join('')).toBe('data: 0\n\ndata: 1\n\ndata: 2\n\n');
    expect(parts.length).toBeGreaterThan(1);

    expect(
      (await platform.app('chis', '/upper', { method: 'POST', body: 'é'.repeat(10) + 'a'.repeat(200_000) })).text,
    ).toBe('É'.repeat(10) + 'A'.repeat(200_000));
    expect((await platform.app('chis', '/big')).text).toBe('x'.repeat(8 * 1024 * 1024));

    const socket = new WebSocket(`ws://127.0.0.1:${platform.port}/socket`, {
      headers: { host: `chis.localhost:${platform.port}` },
    });
    await once(socket, 'open');
    for (const sent of ['hello', 'y'.repeat(100_000)]) {
      socket.send(sent);
      expect(String((await once(socket, 'message'))[0])).toBe(`echo ${sent}`);
    }
    socket.close(4001, 'done');
    await expect
      .poll(() => platform.log('chis'), { timeout: 20_000 })
      .toContain('socket closed: websocket: close 4001: done');

    // A package that the next build has not to compile again is not in its log.
    expect(stderr).toContain('       github.com/go-chi/chi/v5');
    await repository.write({
      'main.go': (await readFile(`${repository.path}/main.go`, 'utf8')).replace('user %s', 'User %s'),
    });
    await repository.commit('Capital letter');
    const second = await repository.git('push', platform.remote('chis'), 'main');
    expect(second.stderr).toContain('       example.com/chi ');
    expect(second.stderr).not.toContain('       github.com/go-chi/chi/v5');
    expect((await platform.app('chis', '/users/7')).text).toBe('User 7');
  });

  it('builds a workspace with a module beside', async () => {
    const { code, stderr } = await push('works', {
      'go.work': 'go 1.24\n\nuse (\n\t./server\n\t./words\n)\n',
      'server/go.mod': 'module example.com/server\n\ngo 1.24\n',
      'server/main.go': hello
        .replace('import (', 'import (\n\t"example.com/words"')
        .replace('greeting()', 'words.Greeting()'),
      'words/go.mod': 'module example.com/words\n\ngo 1.24\n',
      'words/words.go': 'package words\n\nfunc Greeting() string { return "from a workspace" }\n',
      Procfile: 'web: server\n',
    });
    expect(code, stderr).toBe(0);
    expect((await platform.app('works')).text).toBe('from a workspace');
  });

  it('builds what is vendored, and the packages that go.mod names', async () => {
    const repository = await repositoryOf({
      'go.mod': '// +heroku install ./cmd/first ./cmd/second\nmodule example.com/vendored\n\ngo 1.24\n',
      'cmd/first/main.go': `${hello}\nfunc greeting() string { return "first" }\n`,
      'cmd/second/main.go': `${hello.replace('import (', 'import (\n\t"github.com/go-chi/chi/v5"')}
func greeting() string { return "second " + chi.NewRouter().Routes()[0].Pattern }
`.replace(
        'chi.NewRouter().Routes()[0].Pattern',
        'func() string { r := chi.NewRouter(); r.Get("/a", nil); return r.Routes()[0].Pattern }()',
      ),
      'cmd/third/main.go': 'package main\n\nfunc main() { does not compile }\n',
      Procfile: 'web: bin/second\n',
    });
    const go = (...args: string[]) =>
      execFileSync('go', args, { cwd: repository.path, env: { ...process.env, GOFLAGS: '-mod=mod' } });
    const chi = await readFile(fileURLToPath(new URL('apps/go/chi/go.mod', import.meta.url)), 'utf8');
    go('get', `github.com/go-chi/chi/v5@${/chi\/v5 (v\S+)/.exec(chi)?.[1]}`);
    go('mod', 'vendor');
    await repository.commit('Vendor');
    await platform.api('POST', '/apps', { name: 'vendored' });
    // Nothing of it comes from elsewhere.
    await platform.api('PATCH', '/apps/vendored/config-vars', { GOPROXY: 'off' });
    const { code, stderr } = await repository.git('push', platform.remote('vendored'), 'main');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('go: downloading');
    expect((await platform.app('vendored')).text).toBe('second /a');
  });

  it.each<[string, Record<string, string>, RegExp[]]>([
    [
      'the compiler',
      { 'main.go': 'package main\n\nfunc main() {\n\tvar n int = "one"\n}\n' },
      [
        /# example\.com\/bad/,
        /\.\/main\.go:4:14: cannot use "one"/,
        /!\s+The package example\.com\/bad does not compile\./,
      ],
    ],
    [
      'a package that needs C',
      {
        'main.go': 'package main\n\nimport "example.com/bad/native"\n\nfunc main() { native.Call() }\n',
        'native/native.go': 'package native\n\nimport "C"\n\nfunc Call() {}\n',
        'native/other.go': 'package native\n\nvar N = answer()\n',
      },
      [/The package example\.com\/bad\/native uses cgo \(in native\.go\)/],
    ],
    [
      'a module that is another than it was',
      {
        'main.go': 'package main\n\nimport _ "github.com/gorilla/websocket"\n\nfunc main() {}\n',
        'go.mod': 'module example.com/bad\n\ngo 1.24\n\nrequire github.com/gorilla/websocket v1.5.3\n',
        'go.sum': `github.com/gorilla/websocket v1.5.3 h1:${'A'.repeat(43)}=
github.com/gorilla/websocket v1.5.3/go.mod h1:${'A'.repeat(43)}=
`,
      },
      [/verifying github\.com\/gorilla\/websocket@v1\.5\.3.*checksum mismatch/, /SECURITY ERROR/],
    ],
    ['an app without a program', { 'lib.go': 'package lib\n' }, [/There is no main package in \.\/\.\.\./]],
    [
      'a command that is none of its programs',
      { 'main.go': 'package main\n\nfunc main() {}\n', Procfile: 'web: ./start.sh\n' },
      [/`\.\/start\.sh` is no program of this app/, /It has bin\/bad/],
    ],
    [
      'a release of Go that is too old',
      {
        'main.go': 'package main\n\nfunc main() {}\n',
        'go.mod': '// +heroku goVersion go1.19\nmodule example.com/bad\n',
      },
      [/The app wants Go 1\.19, and Islet has Go from 1\.24 on/],
    ],
  ])('ends a push with what %s says', async (_, files, messages) => {
    const name = `bad-${messages.length}-${Object.keys(files).length}-${files['main.go']?.length ?? 0}`;
    const { code, stderr } = await push(name, { 'go.mod': 'module example.com/bad\n\ngo 1.24\n', ...files });
    expect(code).not.toBe(0);
    for (const message of messages) expect(stderr).toMatch(message);
    expect((await platform.api<object[]>('GET', `/apps/${name}/slugs`)).status).not.toBe(500);
  });
});
