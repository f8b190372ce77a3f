/** Buildpacks: chosen by the app, several in a row, and from elsewhere, as scripts and as WASI programs. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TarEntry } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpBackend, startHttpBackend } from '../bench/support/http-backend.ts';
import { wasiProgram } from '../sandbox/testing.ts';
import { tgz } from './support/archive.ts';
import { build, uploadSource } from './support/builds.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let files: FileServer;
/** Serves the repositories of a directory. */
let gitServer: HttpBackend;
let repositories: string;

beforeAll(async () => {
  files = await FileServer.start();
  repositories = await mkdtemp(join(tmpdir(), 'islet-buildpacks-'));
  gitServer = await startHttpBackend(repositories);
  platform = await Platform.start({ TRUSTED_HOSTS: `${files.host},${new URL(gitServer.url).host}` });
});

afterAll(async () => {
  await platform?.destroy();
  files?.stop();
  gitServer?.stop();
  await rm(repositories, { recursive: true, force: true });
});

type Files = Record<string, string | Uint8Array>;

/** Serves a buildpack and returns its URL. */
async function buildpack(name: string, contents: Files | TarEntry[]): Promise<string> {
  const entries = Array.isArray(contents)
    ? contents
    : Object.entries(contents).map(
        ([path, body]): TarEntry => ({
          header: { name: path, size: Buffer.byteLength(body), mode: path.startsWith('bin/') ? 0o755 : 0o644 },
          body,
        }),
      );
  return files.put(`/${name}.tgz`, await tgz(entries));
}

/** Builds files as an app, with buildpacks that the request names. */
async function deploy(name: string, contents: Record<string, string>, buildpacks: string[] = []) {
  await platform.api('POST', '/apps', { name });
  const source_blob = { url: await uploadSource(platform, await tgz(contents)) };
  return build(platform, name, { source_blob, buildpacks: buildpacks.map((url) => ({ url })) });
}

/** The same, which must succeed. */
async function succeed(...order: Parameters<typeof deploy>) {
  const built = await deploy(...order);
  expect(built.status, built.output).toBe('succeeded');
  return built;
}

/** A server that answers with an expression. */
const server = (expression: string) =>
  `require('node:http').createServer((_, res) => res.end(String(${expression}))).listen(process.env.PORT);\n`;

const detect = '#!/bin/sh\necho "Greeting"\n';

describe('a buildpack of scripts', () => {
  const script = {
    'bin/detect':
      '#!/usr/bin/env bash\nif [ -f "$1/greeting.txt" ]; then echo Greeting; else echo "no greeting.txt"; exit 1; fi\n',
    'bin/compile': `#!/usr/bin/env bash
set -e
BUILD_DIR=$1
CACHE_DIR=$2
ENV_DIR=$3
bin=$(cd "$(dirname "$0")"; pwd)
source "$bin/../lib/output.sh"
count=0
[ -f "$CACHE_DIR/count" ] && count=$(cat "$CACHE_DIR/count")
count=$((count + 1))
mkdir -p "$CACHE_DIR"
echo "$count" > "$CACHE_DIR/count"
header "Writing a server"
text="$(cat "$BUILD_DIR/greeting.txt"), $(cat "$ENV_DIR/AUDIENCE"), build $count"
cat > "$BUILD_DIR/server.js" <<EOF
require('node:http').createServer((_, res) => res.end('$text of ' + process.env.MADE_BY)).listen(process.env.PORT);
EOF
echo "a warning" >&2
`,
    'bin/release':
      '#!/bin/sh\ncat <<EOF\n---\nconfig_vars:\n  MADE_BY: a buildpack\ndefault_process_types:\n  web: node server.js\nEOF\n',
    'lib/output.sh': 'header() {\n  echo "-----> $*"\n}\n',
  };

  it('builds an app alone, names its process types, and keeps its cache until it is purged', async () => {
    const url = await buildpack('greeting', script);
    const contents = { 'greeting.txt': 'Ahoy' };
    await platform.api('POST', '/apps', { name: 'greeting' });
    await platform.api('PATCH', '/apps/greeting/config-vars', { AUDIENCE: 'sailors' });
    const built = await succeed('greeting', contents, [url]);
    expect(built).toMatchObject({ buildpacks: [{ url, name: url }] });
    expect(built.output).toContain(
      `-----> Using buildpack: ${url}\n-----> Greeting app detected\n-----> Writing a server\na warning\n`,
    );
    expect((await platform.app('greeting')).text).toBe('Ahoy, sailors, build 1 of a buildpack');
    expect(await platform.newest('/apps/greeting/formation', 'type')).toMatchObject([
      { type: 'web', command: 'node server.js' },
    ]);

    await succeed('greeting', contents, [url]);
    expect((await platform.app('greeting')).text).toBe('Ahoy, sailors, build 2 of a buildpack');

    expect((await platform.api('DELETE', '/apps/greeting/build-cache')).status).toBe(202);
    await platform.api('PATCH', '/apps/greeting/config-vars', { MADE_BY: 'hand' });
    await succeed('greeting', contents, [url]);
    expect((await platform.app('greeting')).text).toBe('Ahoy, sailors, build 1 of hand');
  });

  it('fails the build when it does not know the app', async () => {
    const url = await buildpack('greeting', script);
    const { status, output } = await deploy('strange', { 'index.html': 'x' }, [url]);
    expect(status).toBe('failed');
    expect(output).toMatch(/ {7}no greeting\.txt\n !\n ! {5}App not compatible with buildpack: http:.*greeting\.tgz\n/);
  });

  it('fails the build when it fails, with what it said, and keeps the release and the cache', async () => {
    const url = await buildpack('failing', {
      'bin/detect': detect,
      'bin/compile':
        '#!/bin/sh\necho "$(ls $2 | wc -l) in cache"; touch $2/new; echo "out of palm leaves" >&2\nexit 4\n',
    });
    await deploy('failing', { 'a.txt': '' }, [url]);
    const { status, output } = await deploy('failing', { 'a.txt': '' }, [url]);
    expect(status).toBe('failed');
    expect(output).toContain('0 in cache\nout of palm leaves\n');
    expect(output).toMatch(/ ! {5}bin\/compile of the buildpack http:.*failing\.tgz ended with exit code 4\.\n/);
    expect(await platform.newest('/apps/failing/releases', 'version')).toHaveLength(1);
  });

  it('comes out of a git repository, at the ref that its URL names', async () => {
    const repository = await Repository.create({ version: '1' });
    await mkdir(join(repository.path, 'bin'));
    await repository.write({
      'bin/detect': detect,
      'bin/compile': '#!/bin/sh\ncp "$(dirname "$0")/../version" "$1/index.html"\n',
    });
    await repository.commit('Buildpack');
    await repository.git('tag', 'v1');
    await repository.write({ version: '2' });
    await repository.commit('Next');
    await repository.git('clone', '--quiet', '--bare', '.', join(repositories, 'pack.git'));
    await repository.destroy();

    const url = `${gitServer.url}/pack.git`;
    await succeed('cloned', { 'a.txt': '' }, [url]);
    expect((await platform.app('cloned')).text).toBe('2');
    await succeed('cloned', { 'a.txt': '' }, [`${url}#v1`]);
    expect((await platform.app('cloned')).text).toBe('1');
    const { status, output } = await deploy('cloned', { 'a.txt': '' }, [`${url}#v9`]);
    expect(status).toBe('failed');
    expect(output).toContain(`The buildpack ${url}#v9 has no branch or tag v9.`);
  });

  it('serves a site that it makes', async () => {
    const url = await buildpack('site', {
      'bin/detect': detect,
      'bin/compile': '#!/bin/sh\nmkdir -p "$1/public" && sed s/#/Title:/ "$1/page.md" > "$1/public/index.html"\n',
    });
    await succeed('made-site', { 'page.md': '# Lagoon\n' }, [url]);
    expect((await platform.app('made-site')).text).toBe('Title: Lagoon\n');
  });
});

describe('several buildpacks', () => {
  const generator = {
    'bin/detect': detect,
    'bin/compile': `#!/bin/sh
echo "module.exports = 'generated';" > "$1/generated.js"
echo 'export TOOL_HOME=/build/app/tool' > "$(dirname "$0")/../export"
echo 'export GREETING="two
lines"' >> "$(dirname "$0")/../export"
`,
  };
  const app = {
    'package.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      scripts: { build: 'node build.js', start: 'node server.js' },
    }),
    'build.js':
      "require('node:fs').writeFileSync('env.json', JSON.stringify([process.env.TOOL_HOME, process.env.GREETING]));\n",
    'server.js': server("require('./generated.js') + ' ' + require('node:fs').readFileSync('env.json')"),
  };

  it('work one after the other, and hand over their environment', async () => {
    const url = await buildpack('generator', generator);
    const { output } = await succeed('several', app, [url, 'heroku/nodejs']);
    expect(output).toContain(`-----> Using buildpacks:\n       1. ${url}\n       2. heroku/nodejs\n`);
    expect((await platform.app('several')).text).toBe('generated ["/build/app/tool","two\\nlines"]');
  });

  it('of which a later one changes what an earlier one made', async () => {
    const url = await buildpack('later', {
      'bin/detect': detect,
      'bin/compile': `#!/bin/sh\ntest -f "$1/env.json" && echo "module.exports = 'changed';" > "$1/generated.js"\n`,
    });
    const contents = { ...app, 'generated.js': "module.exports = 'as pushed';\n" };
    await succeed('later', contents, ['heroku/nodejs', url]);
    expect((await platform.app('later')).text).toBe('changed [null,null]');
  });

  it('make a site of what another has built', async () => {
    const contents = {
      'package.json': JSON.stringify({
        name: 'app',
        version: '1.0.0',
        scripts: { build: 'mkdir -p out && echo built > out/index.html' },
      }),
      'static.json': '{"root":"out"}',
    };
    await succeed('two-official', contents, ['heroku/nodejs', 'heroku-community/static']);
    expect((await platform.app('two-official')).text).toBe('built\n');
  });

  it('are those that the app names in its files, or that are set', async () => {
    const url = await buildpack('generator', generator);
    await platform.api('POST', '/apps', { name: 'listed' });
    const repository = await Repository.create({
      ...app,
      '.buildpacks': `${url}\nhttps://github.com/heroku/heroku-buildpack-nodejs\n`,
    });
    const first = await repository.git('push', platform.remote('listed'), 'main');
    expect(first.stderr).toContain(`remote:        1. ${url}`);
    expect(first.code, first.stderr).toBe(0);

    const set = { updates: [{ buildpack: 'urn:buildpack:heroku/nodejs' }] };
    await platform.api('PUT', '/apps/listed/buildpack-installations', set);
    await repository.write({ 'generated.js': "module.exports = 'by hand';\n" });
    await repository.commit('Second version');
    const second = await repository.git('push', platform.remote('listed'), 'main');
    expect(second.stderr).toContain('remote: -----> Using buildpack: heroku/nodejs');
    expect(second.code).toBe(0);
    expect((await platform.app('listed')).text).toBe('by hand [null,null]');
    await repository.destroy();
  });

  it('are refused when an official one does not know the app', async () => {
    const { status, output } = await deploy('no-node', { 'index.html': 'x' }, ['heroku/nodejs']);
    expect(status).toBe('failed');
    expect(output).toContain(' !     App not compatible with buildpack: heroku/nodejs\n');
  });
});

describe('a buildpack of WASI programs', () => {
  it('builds an app with a program for each step', async () => {
    const made = server("'made by WebAssembly'");
    const url = await buildpack('wasi', {
      'bin/detect': wasiProgram({ output: 'Wasm\n', file: 'cache/seen', exitCode: 0 }),
      'bin/compile': wasiProgram({ output: made, file: 'app/made.js', exitCode: 0 }),
    });
    const { output } = await succeed('wasi', { Procfile: 'web: node made.js\n' }, [url]);
    expect(output).toContain('-----> Wasm app detected\n');
    expect((await platform.app('wasi')).text).toBe('made by WebAssembly');
  });

  it('builds an app with one program for all of them', async () => {
    const output = 'default_process_types: { web: node server.js }\n';
    const url = await buildpack('one-wasm', {
      'buildpack.wasm': wasiProgram({ output, file: 'app/made.txt', exitCode: 0 }),
    });
    const contents = { 'server.js': server("require('node:fs').readFileSync('made.txt')") };
    await succeed('one-wasm', contents, [url]);
    expect((await platform.app('one-wasm')).text).toBe(output);
  });

  it('fails the build by its exit code', async () => {
    const url = await buildpack('wasi-failing', {
      'bin/detect': detect,
      'bin/compile': wasiProgram({ output: 'no leaves\n', file: 'app/x', exitCode: 9 }),
    });
    const { status, output } = await deploy('wasi-failing', { a: '' }, [url]);
    expect(status).toBe('failed');
    expect(output).toMatch(/no leaves\n.*ended with exit code 9\./s);
  });
});

describe('a hostile buildpack', () => {
  const entry = (name: string, body = 'x'): TarEntry => ({ header: { name, size: body.length }, body });
  const link = (name: string, linkname: string): TarEntry => ({ header: { name, size: 0, type: 'symlink', linkname } });

  it.each<[string, Files | TarEntry[], RegExp]>([
    ['climbs out of its archive', [entry('../evil')], /outside of its own tree/],
    ['is absolute', [entry('/tmp/evil')], /outside of its own tree/],
    ['links to the host', [entry('bin/compile'), link('bin/detect', '/etc/passwd')], /could not be unpacked/],
    ['has nothing to run', { 'README.md': 'x' }, /has neither bin\/compile nor buildpack\.wasm/],
    [
      'links the app to the host',
      { 'bin/detect': detect, 'bin/compile': '#!/bin/sh\nln -s /etc "$1/etc"\n' },
      /left what cannot be kept: the link etc leads out of the tree/,
    ],
    [
      'prints no YAML',
      { 'bin/detect': detect, 'bin/compile': '#!/bin/sh\n', 'bin/release': '#!/bin/sh\necho "a: [b"\n' },
      /bin\/release of the buildpack .* printed no YAML/,
    ],
    [
      'names a process type that is none',
      {
        'bin/detect': detect,
        'bin/compile': '#!/bin/sh\n',
        'bin/release': '#!/bin/sh\necho "default_process_types: [web]"\n',
      },
      /bin\/release of the buildpack .* is wrong at default_process_types/,
    ],
  ])('that %s fails the build', async (_, contents, reason) => {
    const url = await buildpack('hostile', contents);
    const { status, output } = await deploy('hostile', { 'index.html': 'x' }, [url]);
    expect(status).toBe('failed');
    expect(output).toMatch(reason);
    expect(await platform.newest('/apps/hostile/releases', 'version')).toHaveLength(1);
  });

  it('finds nothing of the platform or the host', async () => {
    const url = await buildpack('curious', {
      'bin/detect': detect,
      'bin/compile': `#!/bin/sh
{
  cat /etc/passwd /proc/self/environ
  curl -s -H "Authorization: Bearer x" http://127.0.0.1:${platform.port}/account
  env
} > "$1/index.html" 2>&1
`,
    });
    await succeed('curious', { 'index.html': 'x' }, [url]);
    const { text } = await platform.app('curious');
    expect(text).toContain('STACK=');
    expect(text).not.toMatch(/root:|unauthorized|INTERNAL_SECRET|API_KEY|CACHE_DIR|WORK_DIR/);
  });

  it('is not reached inside', async () => {
    const url = `https://localhost:${platform.port}/buildpack.tgz`;
    const { status, output } = await deploy('inside', { 'index.html': 'x' }, [url]);
    expect(status).toBe('failed');
    expect(output).toContain('localhost is not on the public internet');
  });
});

describe('the buildpacks of an app, in the API', () => {
  it('are set all at once, in order, by any of their names', async () => {
    await platform.api('POST', '/apps', { name: 'settings' });
    const path = '/apps/settings/buildpack-installations';
    expect((await platform.api('GET', path)).body).toEqual([]);
    const updates = ['https://example.com/b.tgz', 'heroku/nodejs'].map((name) => ({ buildpack: name }));
    const expected = [
      { ordinal: 0, buildpack: { url: 'https://example.com/b.tgz', name: 'https://example.com/b.tgz' } },
      { ordinal: 1, buildpack: { url: 'urn:buildpack:heroku/nodejs', name: 'heroku/nodejs' } },
    ];
    expect(await platform.api('PUT', path, { updates })).toEqual({ status: 200, body: expected });
    expect((await platform.api('GET', path)).body).toEqual(expected);
    const unknown = await platform.api<{ message: string }>('PUT', path, { updates: [{ buildpack: 'heroku/cobol' }] });
    expect(unknown.status).toBe(422);
    expect(unknown.body.message).toMatch(/^updates\.0\.buildpack: There is no buildpack heroku\/cobol here\./);
    expect((await platform.api('GET', path)).body).toEqual(expected);
    expect((await platform.api('PUT', path, { updates: [] })).body).toEqual([]);
  });
});
