/** JavaScript in the machine, held against what Node does: the same program gives the same output in both. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSandbox, type Sandbox, warmMachine } from './index.ts';
import { files, runLine } from './testing.ts';

let sandbox: Sandbox;
let directory: string;
let count = 0;

let stopWarming: () => Promise<void>;
beforeAll(() => {
  stopWarming = warmMachine();
});
afterAll(() => stopWarming());
beforeEach(async () => {
  sandbox = await createSandbox({ limits: { wallMs: 15_000 } });
  directory = await mkdtemp(join(tmpdir(), 'node-test-'));
});
afterEach(async () => {
  await sandbox.close();
  await rm(directory, { recursive: true, force: true });
});

type Tree = Record<string, string>;

/** Runs `node <file>` natively, with the sandbox's working directory in the place of its own. */
async function native(tree: Tree, args: string[]): Promise<{ stdout: string; exitCode: number | null }> {
  const root = join(directory, String(count));
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { stdout: stdout.replaceAll(root, '/app/case'), exitCode };
}

async function same(tree: Tree, args = ['main.mjs']): Promise<string> {
  count += 1;
  const root = `case${count}`;
  await sandbox.writeEntries(
    files(Object.fromEntries(Object.entries(tree).map(([path, text]) => [`${root}/${path}`, text]))),
  );
  const inside = await runLine(sandbox, ['node', ...args].join(' '), { cwd: `/app/${root}` });
  const outside = await native(tree, args);
  expect(
    { stdout: inside.stdout.replaceAll(`/app/${root}`, '/app/case'), exitCode: inside.exit.exitCode },
    inside.stderr,
  ).toEqual(outside);
  return inside.stdout;
}

describe('modules', () => {
  test('live bindings, cycles and hoisted functions', () =>
    same({
      'main.mjs': `import { n, up, later } from './a.mjs'; import * as all from './a.mjs'; up(); up();
        console.log(n, all.n, later(), Object.keys(all), all[Symbol.toStringTag]);
        try { all.n = 1 } catch (error) { console.log(error.constructor.name) }`,
      'a.mjs': `import { b } from './b.mjs'; export let n = 0; export const up = () => { n++ }
        export function later() { return 'later ' + b }`,
      'b.mjs': `import { later, n } from './a.mjs'; export const b = typeof later;
        try { n } catch (error) { console.log(error.name) }`,
    }));

  test('every form of import and export', () =>
    same({
      'main.mjs': `import def, { a as renamed, default as again, "odd name" as odd } from './x.mjs'
        import * as ns from './y.mjs'; import fs, { readFileSync } from 'node:fs'
        export * from './y.mjs'; export * as y from './y.mjs'; export { a } from './x.mjs'
        export default class {}
        console.log(def.name, renamed, again === def, odd, Object.keys(ns).sort(), typeof readFileSync, fs.readFileSync === readFileSync)
        import('./main.mjs').then((self) => console.log(Object.keys(self).sort()))
        const { a, ...rest } = await import('./x.mjs'); console.log(a, Object.keys(rest))`,
      'x.mjs': `export const a = 1; const odd = 2; export { odd as 'odd name' }; export default function () {}`,
      'y.mjs': `export const one = 1, [two, { three = 3 }] = [2, {}]; export function four() {} export class Five {} export default 6`,
    }));

  test('shadowed names, shorthand properties and calls without a receiver', () =>
    same({
      'main.mjs': `import { f, v } from './x.mjs'
        const o = { f, v, g() { return v } }, inner = (v) => v, p = ({ v }) => v
        const b = 1
        f()
        ;[v].forEach((v) => console.log(v))
        { let v = 'block'; console.log(v) }
        for (const v of ['loop']) console.log(v)
        try { throw 'caught' } catch (v) { console.log(v) }
        function g() { var v = 'var'; { console.log(v) } }
        g(); console.log(o.f === f, o.g(), inner('parameter'), p({ v: 'pattern' }), (class { v = v; static s = v }).s, \`\${v}\`)
        switch (v) { case 'value': f() }
        label: for (;;) { break label }
        console.log(f\`tag\`, typeof v, { [v]: v })`,
      'x.mjs': `export const v = 'value'; export function f() { return this === undefined }`,
    }));

  test('CommonJS from ES modules and ES modules from CommonJS', () =>
    same({
      'main.mjs': `import cjs, { named } from './c.cjs'; import { createRequire } from 'node:module'
        const require = createRequire(import.meta.url)
        console.log(cjs, named, require('./e.mjs').value, require('./e.mjs').default, require.resolve('./c.cjs'))
        try { require('./t.mjs') } catch (error) { console.log(error.code) }`,
      'c.cjs': `exports.named = 1; exports.self = module.id === __filename; exports.main = require.main === module`,
      'e.mjs': `export const value = 'esm'; export default 'default'`,
      't.mjs': `await 0; export default 1`,
    }));

  test('conditions, patterns and imports of package.json', () =>
    same(
      {
        'package.json': JSON.stringify({
          name: 'self',
          type: 'module',
          imports: { '#lib/*': './lib/*.js' },
          exports: './lib/own.js',
        }),
        'main.js': `import a from 'pkg'; import b from 'pkg/feature/deep'; import own from 'self'; import lib from '#lib/x'
        import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)
        console.log(a, b, own, lib, require('pkg'), require('old'), require('old/file'))
        for (const name of ['pkg/private', 'pkg/closed/x', 'missing', './missing.js', '#missing', 'pkg/index.js'])
          await import(name).catch((error) => console.log(name, error.code))
        for (const name of ['missing', './missing', 'pkg/private']) try { require(name) } catch (error) { console.log(name, error.code) }`,
        'lib/own.js': 'export default "own"',
        'lib/x.js': 'export default "x"',
        'node_modules/pkg/package.json': JSON.stringify({
          exports: {
            '.': { browser: './no.js', node: { import: './m.mjs', require: './c.cjs' }, default: './no.js' },
            './feature/*': './features/*.mjs',
            './closed/*': null,
          },
        }),
        'node_modules/pkg/m.mjs': 'export default "import"',
        'node_modules/pkg/c.cjs': 'module.exports = "require"',
        'node_modules/pkg/features/deep.mjs': 'export default "deep"',
        'node_modules/old/package.json': JSON.stringify({ main: './lib' }),
        'node_modules/old/lib/index.js': 'module.exports = "main"',
        'node_modules/old/file.js': 'module.exports = "file"',
      },
      ['main.js'],
    ));

  test('JSON, import.meta, a top-level await, TypeScript and syntax that is found out', () =>
    same(
      {
        'main.mts': `import data from './data.json' with { type: 'json' }; import { type T, greet } from './t.ts'
        const who: T = data.who; console.log(greet(who), import.meta.filename, import.meta.dirname, import.meta.url)
        console.log(import.meta.resolve('./t.ts'), await Promise.resolve('awaited'), (await import('./bare.js')).x)`,
        't.ts': `export interface I { a: string } export type T = string; export const greet = (name: T): string => 'hello ' + (name satisfies string)`,
        'data.json': '{ "who": "you" }',
        'bare.js': 'export const x = typeof require',
      },
      ['main.mts'],
    ));

  test('an error of a dependency is the importer’s', () =>
    same({
      'main.mjs': `import './deep.mjs'; console.log('not reached')`,
      'deep.mjs': `import './broken.mjs'`,
      'broken.mjs': `throw new Error('broken')`,
    }));

  test('an export that is not there', () =>
    same({
      'main.mjs': `await import('./x.mjs').catch((error) => console.log(error.name))`,
      'x.mjs': `import { nothing } from './y.mjs'`,
      'y.mjs': 'export const something = 1',
    }));
});

describe('a process', () => {
  test('its end: order of events, exit codes, timers', async () => {
    await same(
      {
        'main.cjs': `process.on('beforeExit', () => console.log('before'));  process.on('exit', (code) => console.log('exit', code))
        setTimeout(() => console.log('timeout'), 100); setImmediate(() => console.log('immediate'))
        process.nextTick(() => console.log('tick')); Promise.resolve().then(() => console.log('then'))
        const id = setInterval(() => { console.log('interval'); clearInterval(id) }, 200); setTimeout(() => {}, 60_000).unref()
        console.log('main')`,
      },
      ['main.cjs'],
    );
    await same({ 'main.mjs': `process.exitCode = 7` });
    await same({ 'main.mjs': `setTimeout(() => process.exit(9), 5); setInterval(() => {}, 1000)` });
    await same({
      'main.mjs': `process.on('uncaughtException', (error) => console.log('caught', error.message)); setTimeout(() => { throw new Error('x') })`,
    });
    await same({ 'main.mjs': `Promise.reject(new Error('x'))` });
    await same({ 'main.mjs': `await new Promise(() => {})` });
  });

  test('its arguments, environment and directory', () =>
    same(
      {
        'main.cjs': `process.env.N = 1; console.log(process.argv.slice(2), typeof process.env.N, process.env.NOPE, process.cwd())
          require('fs').mkdirSync('sub'); process.chdir('sub'); console.log(process.cwd(), require('path').resolve('x'), require('fs').existsSync('../main.cjs'))
          console.log(__filename, process.platform, process.version, typeof process.hrtime.bigint(), require.main === module)`,
      },
      ['main.cjs', 'one', '--two'],
    ));

  test('what it says for NODE_DEBUG', () =>
    same(
      {
        'main.cjs': `const { debuglog } = require('util'); const { spawnSync } = require('child_process');
          if (process.argv[2]) { for (const name of ['one', 'two', 'three']) { const log = debuglog(name); log('%s %d', name, 1); console.log(log.enabled) } }
          else { const { stdout, stderr } = spawnSync(process.execPath, [__filename, 'child'], { encoding: 'utf8', env: { NODE_DEBUG: 'ONE,t*o,th*' } });
            console.log(stdout, stderr.replace(/ \\d+:/g, '')) }`,
      },
      ['main.cjs'],
    ));

  test('its streams', async () => {
    await same({
      'main.mjs': `import { pipeline } from 'node:stream/promises'; import { createReadStream, createWriteStream } from 'node:fs'
        import { createGzip, gunzipSync } from 'node:zlib'; import { readFile } from 'node:fs/promises'; import { createInterface } from 'node:readline'
        await pipeline(createReadStream('main.mjs'), createGzip(), createWriteStream('out.gz'))
        console.log(gunzipSync(await readFile('out.gz')).length)
        for await (const line of createInterface({ input: createReadStream('main.mjs') })) console.log(line.length)`,
    });
    const { stdout } = await runLine(sandbox, `node -e 'process.stdin.pipe(process.stdout)'`, {
      stdin: Buffer.from('fed\n'),
    });
    expect(stdout).toBe('fed\n');
  });

  test('what the engine lacks: command lines, consoles of its own, constants', () =>
    same({
      'main.cjs': `const { parseArgs } = require('util'); const { Console } = require('console');
        console.log(parseArgs({ args: ['--out=a', '-v', 'b'], options: { out: { type: 'string' }, verbose: { type: 'boolean', short: 'v' } }, allowPositionals: true }))
        console.log(parseArgs().positionals, typeof console.Console)
        new Console({ stdout: process.stdout }).log('%s own', 'its')
        const { fs, os } = process.binding('constants'); console.log(fs.O_APPEND, os.signals.SIGTERM)`,
    }));

  test('files', () =>
    same({
      'main.mjs': `import fs from 'node:fs'; import { mkdtemp, opendir, rm, stat } from 'node:fs/promises'; import { sep } from 'node:path'
        fs.mkdirSync('a/b/c', { recursive: true }); fs.writeFileSync('a/x', 'x', { mode: 0o755 }); fs.symlinkSync('x', 'a/l'); fs.copyFileSync('a/x', 'a/y')
        console.log(fs.readdirSync('a').sort(), fs.readdirSync('a', { recursive: true }).sort(), fs.readdirSync(process.cwd() + '/a/', { recursive: true }).sort(), fs.readlinkSync('a/l'), fs.realpathSync('a/l'))
        console.log((fs.statSync('a/x').mode & 0o777).toString(8), fs.lstatSync('a/l').isSymbolicLink(), (await stat('a')).isDirectory())
        for (const path of ['nope', 'a/x/y']) try { fs.readFileSync(path) } catch ({ code, syscall }) { console.log(code, syscall) }
        try { fs.mkdirSync('a') } catch ({ code }) { console.log(code) }
        try { fs.rmdirSync('a') } catch ({ code }) { console.log(code) }
        fs.cpSync('a', 'copy', { recursive: true }); fs.renameSync('copy', 'moved'); console.log(fs.readdirSync('moved').sort())
        console.log((await mkdtemp('tmp-')).startsWith('tmp-'), fs.existsSync('moved/b'))
        const names = []; for await (const entry of await opendir('a')) names.push(entry.name); console.log(names.sort())
        await rm('a', { recursive: true }); console.log(fs.existsSync('a'), fs.globSync('*.mjs'))
        const fd = fs.openSync('fd', 'w+'); fs.writeSync(fd, 'hello'); const b = Buffer.alloc(3); fs.readSync(fd, b, 0, 3, 1); console.log(String(b)); fs.closeSync(fd)`,
    }));
});

describe('child processes', () => {
  test('spawn, exec, execFile and fork', () =>
    same({
      'main.mjs': `import { exec, execFile, fork, spawn } from 'node:child_process'; import { promisify } from 'node:util'; import { once } from 'node:events'
        const run = promisify(exec)
        console.log((await run('echo one && echo two | cat')).stdout, (await promisify(execFile)(process.execPath, ['-p', '1+1'])).stdout)
        await run('exit 3').catch(({ code }) => console.log('code', code))
        const cat = spawn(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)']); cat.stdin.end('through'); let text = ''
        cat.stdout.on('data', (chunk) => { text += chunk }); console.log(await once(cat, 'close'), text)
        const own = spawn('cat', ['-', 'a b.txt']); own.stdin.end('its own, '); let said = ''
        own.stdout.on('data', (chunk) => { said += chunk }); console.log(await once(own, 'close'), said)
        await promisify(execFile)('/bin/mkdir', ['-p', 'made/it']); console.log((await promisify(execFile)('ls', ['made'])).stdout)
        const missing = spawn('no-such-program'); console.log((await once(missing, 'error'))[0].code)
        const stuck = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']); setTimeout(() => stuck.kill(), 50); console.log(await once(stuck, 'exit'))
        const child = fork('./child.mjs', ['arg']); child.send({ n: 1 }); console.log((await once(child, 'message'))[0], await once(child, 'exit'))`,
      'a b.txt': 'and a file',
      'child.mjs': `process.on('message', (message) => { process.send({ ...message, arg: process.argv[2] }); process.disconnect() })`,
    }));

  test('the forms that wait', () =>
    same(
      {
        'main.cjs': `const { execFileSync, execSync, spawnSync } = require('child_process')
        console.log(String(execSync('node child.cjs a && echo done')), execFileSync(process.execPath, ['child.cjs', 'b'], { encoding: 'utf8' }))
        const { status, stdout } = spawnSync('node', ['-e', 'console.log(1); process.exit(4)']); console.log(status, String(stdout))
        console.log(spawnSync('no-such-program').error.code); try { execSync('node -e "process.exit(2)"') } catch ({ status }) { console.log(status) }`,
        'child.cjs': `console.log('child', process.argv[2])`,
      },
      ['main.cjs'],
    ));

  test('the forms that wait for scripts and commands of packages', () =>
    same(
      {
        'package.json': JSON.stringify({
          scripts: {
            pregen: 'echo before',
            gen: 'node child.cjs',
            both: 'npm run gen -s && node -p 5',
            bad: 'node bad',
          },
        }),
        'main.cjs': `const { execSync, spawnSync } = require('child_process')
        console.log(String(execSync('npm run -s gen -- a "b c"')), String(execSync('npm run both --silent')), String(execSync('sh -c "cd sub && pwd"')).endsWith('/sub\\n'))
        try { execSync('npm run -s bad', { stdio: 'pipe' }) } catch ({ status }) { console.log(status) }`,
        'child.cjs': `console.log('child', process.env.npm_lifecycle_event, process.argv.slice(2))`,
        'bad.js': 'process.exit(3)',
        'sub/file': '',
      },
      ['main.cjs'],
    ));

  test('a form that waits says why it cannot', async () => {
    await sandbox.writeEntries(
      files({
        'wait.cjs': `try { require('child_process').execSync('node late.mjs') } catch ({ message }) { console.log(message) }`,
        'late.mjs': 'await new Promise((resolve) => setTimeout(resolve, 10));',
      }),
    );
    const { stdout } = await runLine(sandbox, 'node wait.cjs');
    expect(stdout).toContain(
      'spawnSync node late.mjs: the sandbox cannot wait for this command, because it or a module',
    );
  });

  test('workers', () =>
    same({
      'main.mjs': `import { Worker } from 'node:worker_threads'; import { once } from 'node:events'
        const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { n: 20 } })
        const exit = once(worker, 'exit'); worker.postMessage({ add: 1 })
        console.log((await once(worker, 'message'))[0]); console.log(await exit)`,
      'worker.mjs': `import { isMainThread, parentPort, workerData } from 'node:worker_threads'
        parentPort.once('message', ({ add }) => { parentPort.postMessage({ isMainThread, sum: workerData.n + add }) })`,
    }));
});

test('ports go along with a message or with what a worker begins with, wherever in it they are', () =>
  same({
    'main.mjs': `import { MessageChannel, Worker } from 'node:worker_threads'; import { once } from 'node:events'
      const { port1, port2 } = new MessageChannel(); const other = new MessageChannel();
      const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { deep: { port: port2, list: [1] } }, transferList: [port2] });
      worker.postMessage({ ports: [{ port: other.port2 }] }, [other.port2]);
      const answers = Promise.all([once(port1, 'message'), once(other.port1, 'message')]);
      console.log((await answers).flat()); port1.close(); other.port1.close();`,
    'worker.mjs': `import { parentPort, workerData } from 'node:worker_threads'
      workerData.deep.port.postMessage(['begun', workerData.deep.list]);
      parentPort.once('message', ({ ports: [{ port }] }) => { port.postMessage('told'); port.close(); workerData.deep.port.close(); })`,
  }));

test('who waits for a worker without `await` is told that nothing can come', async () => {
  await sandbox.writeEntries(
    files({
      'wait.cjs': `const view = new Int32Array(new SharedArrayBuffer(4)); console.log(Atomics.wait(view, 0, 1), Atomics.wait(view, 0, 0, 5));
        try { Atomics.wait(view, 0, 0) } catch ({ name, message }) { console.log(name, message) }`,
    }),
  );
  expect((await runLine(sandbox, 'node wait.cjs')).stdout).toMatch(
    /^not-equal timed-out\nTypeError Atomics.wait: the sandbox has one thread/,
  );
});

test('an error that ends a worker is its parent’s: an event, or where nobody listens an exception', async () => {
  const worker = `require('worker_threads').parentPort.on('message', async () => { await null; throw new RangeError('of the worker') })`;
  const start = `const { Worker } = require('worker_threads'); const worker = new Worker('./worker.cjs'); worker.postMessage(1);
    worker.on('exit', (code) => console.log('exit', code));`;
  const heard = `${start} worker.on('error', ({ name, message }) => console.log(name, message))`;
  expect(await same({ 'main.cjs': heard, 'worker.cjs': worker }, ['main.cjs'])).toContain('RangeError of the worker');
  await same({ 'main.cjs': start, 'worker.cjs': worker }, ['main.cjs']);
});

test('each task has its own of the globals that Go programs make', async () => {
  await sandbox.writeEntries(
    files({
      'go.cjs': `Object.defineProperty(globalThis, 'fs', { value: process.argv[2], enumerable: true });
        const own = { getRandomValues: (bytes) => require('crypto').randomFillSync(bytes) };
        Object.defineProperty(globalThis, 'crypto', { configurable: true, writable: true });
        globalThis.crypto = own;
        require('crypto').randomFillSync(new Uint8Array(4));
        new (require('async_hooks').AsyncResource)('task', { triggerAsyncId: 1, requireManualDestroy: true });
        if (process.argv[2] === 'one') globalThis.performance = { now: () => process.hrtime()[0] * 1000 };
        setTimeout(() => console.log(globalThis.fs, typeof performance.now(), typeof performance.mark), 50)`,
    }),
  );
  const run = (name: string) => runLine(sandbox, `node go.cjs ${name}`);
  const results = await Promise.all([run('one'), run('two')]);
  expect(results.map(({ stdout }) => stdout)).toEqual(['one number undefined\n', 'two number function\n']);
});

test('hooks find and make modules', () =>
  same({
    'package.json': '{"type":"module"}',
    'main.mjs': `import { registerHooks } from 'node:module';
      import { createRequire } from 'node:module';
      const first = registerHooks({
        resolve(specifier, context, next) {
          if (specifier.startsWith('virtual:')) return { url: specifier, format: 'module', shortCircuit: true };
          if (specifier === 'renamed') return next('./real.mjs', context);
          const found = next(specifier, context);
          if (specifier.startsWith('./')) console.log(specifier, found.format, context.conditions.includes('import'), context.parentURL.endsWith('main.mjs'));
          return found;
        },
        load(url, context, next) {
          if (url === 'virtual:numbers') return { format: 'module', source: 'export const one = 1; export { real } from "renamed";', shortCircuit: true };
          if (url.endsWith('.yaml')) return { format: 'json', source: JSON.stringify(next(url, { format: 'commonjs' }).source.toString().split(':')), shortCircuit: true };
          const loaded = next(url, context);
          return { ...loaded, source: String(loaded.source).replace('REPLACED', 'by a hook') };
        },
      });
      registerHooks({ resolve: (specifier, context, next) => next(specifier === 'twice' ? 'renamed' : specifier, context) });
      console.log((await import('virtual:numbers')).one, (await import('twice')).real, (await import('./real.mjs')).real);
      console.log((await import('./data.yaml', { with: { type: 'json' } })).default);
      const require = createRequire(import.meta.url);
      console.log(require('./old.cjs'));
      try { registerHooks({ resolve: () => ({ url: 'x:y' }) }); await import('z') } catch (error) { console.log(error.code) }
      first.deregister();
      `,
    'real.mjs': 'export const real = "REPLACED";',
    'old.cjs': 'module.exports = ["REPLACED", require("node:path").sep];',
    'data.yaml': 'a:b',
  }));

test('hooks of `register`, which may be asynchronous, find and make what is imported', async () => {
  const output = await same(
    {
      'package.json': '{"type":"module","imports":{"#lib/*":"./lib/*.js"}}',
      'main.js': `import { register } from 'node:module';
      import { MessageChannel } from 'node:worker_threads';
      const { port1, port2 } = new MessageChannel();
      register('./first.js', import.meta.url, { data: { from: 'ONE', to: 'two', port: port2 }, transferList: [port2] });
      register('./second.js', { parentURL: import.meta.url });
      const { text } = await import('./app.js');
      console.log(text, (await import('#lib/typed')).kind, import.meta.resolve('./app.js').split('/').at(-1));
      console.log(await Promise.all([import('./app.js'), import('./circle.js')]).then(([a, b]) => [a.text, b.text]));
      try { await import('./none.js') } catch (error) { console.log(error.code, error.url?.split('/').at(-1)) }
      try { register('./missing.js', import.meta.url) } catch (error) { console.log(error.code) }
      port1.once('message', (message) => { console.log('told', message); port1.close() });`,
      'first.js': `import { shared } from './shared.js';
      let change;
      export async function initialize(data) { change = data; data.port.postMessage('ready ' + shared); }
      export async function load(url, context, next) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const loaded = await next(url, context);
        if (!url.includes('/lib/') && !url.endsWith('app.js')) return loaded;
        const source = String(loaded.source).replace(change.from, change.to);
        return { ...loaded, source };
      }`,
      'second.js': `export async function resolve(specifier, context, next) {
        if (specifier === 'virtual') return { url: 'virtual:x', format: 'module', shortCircuit: true };
        try { return await next(specifier, context) } catch (error) {
          if (!error.url?.endsWith('.js') || error.url.endsWith('none.js')) throw error;
          const found = await next(error.url.replace(/js$/, 'ts'), context);
          return found;
        }
      }
      export function load(url, context, next) {
        if (url === 'virtual:x') return { format: 'module', shortCircuit: true, source: 'export const x = "virtual"' };
        return next(url, context);
      }`,
      'shared.js': 'export const shared = "shared";',
      'app.js':
        'import { x } from "virtual"; import { circle } from "./circle.js"; export const text = "ONE " + x + circle();',
      'circle.js': 'export { text } from "./app.js"; export const circle = () => "round";',
      'lib/typed.ts': 'const kind: string = "typed ONE"; export { kind };',
    },
    ['main.js'],
  );
  expect(output).toContain('two virtualround typed two');
});

test('`--loader` registers hooks for the main module too', () =>
  same(
    {
      'hooks.mjs':
        "export const load = async (url, context, next) => url.endsWith('.cat') ? { format: 'module', shortCircuit: true, source: 'console.log(\"a cat\")' } : next(url, context);",
      'main.cat': 'meow',
    },
    ['--loader', './hooks.mjs', 'main.cat'],
  ));

test('classes of streams are called without `new`, and derived from as graceful-fs does', () =>
  same({
    'main.mjs': `import fs from 'node:fs';
      const Base = fs.WriteStream;
      function Patched(path, options) {
        if (this instanceof Patched) return Base.apply(this, arguments), this;
        return Patched.apply(Object.create(Patched.prototype), arguments);
      }
      Patched.prototype = Object.create(Base.prototype);
      Patched.prototype.constructor = Patched;
      const stream = new Patched('made.txt');
      stream.end('one\\n', () => {
        console.log(fs.readFileSync('made.txt', 'utf8'), stream instanceof fs.WriteStream);
        const more = fs.WriteStream('made.txt', { flags: 'a' });
        more.end('two', () => fs.ReadStream('made.txt').on('data', (bytes) => console.log(String(bytes))));
        console.log(fs.createWriteStream('other.txt').end() instanceof fs.WriteStream);
      });`,
  }));

test('a socket over a stream knows what it is over, as http2-wrapper wants', async () => {
  await sandbox.writeEntries(
    files({
      'tls.cjs': `const socket = new (require('tls').TLSSocket)(new (require('stream').PassThrough)());
        console.log(typeof socket._handle._parentWrap.constructor, socket instanceof require('tls').TLSSocket); process.exit()`,
    }),
  );
  expect(await runLine(sandbox, 'node tls.cjs')).toMatchObject({ stdout: 'function true\n', stderr: '' });
});

test('scripts in a context: its names and globals, assignments, and names that nobody has', () =>
  same(
    {
      'main.cjs': `const vm = require('vm'); const context = vm.createContext({ given: 1 });
        console.log(vm.runInContext("typeof window + typeof given + typeof Array", context));
        vm.runInContext("made = given + 1; var declared = made", context); console.log(context.made, typeof made, context.given);
        console.log(vm.runInContext("(function () { let window = 2; return window })()", context));
        try { vm.runInContext("nobody.has", context) } catch ({ name, message }) { console.log(name, message) }
        const shared = { ...Object.fromEntries(['queueMicrotask', 'structuredClone', 'atob'].map((name) => [name, globalThis[name]])) };
        console.log(vm.runInNewContext("queueMicrotask(() => {}), structuredClone([1])[0] + atob('Mg==')", shared));
        console.log(vm.runInNewContext("given * 2", { given: 4 }), new vm.Script("typeof document").runInContext(context));`,
    },
    ['main.cjs'],
  ));

test('a module on the command line imports from the directory', async () => {
  await sandbox.writeEntries(
    files({
      'a.mjs': 'export const a = 1;',
      'node_modules/b/index.mjs': 'export const b = 2;',
      'node_modules/b/package.json': '{"exports":"./index.mjs"}',
    }),
  );
  const line = `node --input-type=module -e "import { a } from './a.mjs'; import { b } from 'b'; console.log(a, b)"`;
  expect(await runLine(sandbox, line)).toMatchObject({ stdout: '1 2\n', stderr: '' });
});

test('native code is named in the error', async () => {
  await sandbox.writeEntries(files({ tool: Buffer.from('\x7fELF\x02\x01', 'latin1'), 'addon.node': '' }));
  expect((await runLine(sandbox, './tool')).stderr).toContain('/app/tool is native code');
  expect((await runLine(sandbox, `node -e 'require("./addon.node")'`)).stderr).toContain(
    '/app/addon.node is native code',
  );
});
