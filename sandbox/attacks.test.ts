/** What hostile builds try. Each must fail in bounded time, and leave the host and the next build unharmed. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyChanges, createSandbox, type Limits, type Sandbox, type TreeEntry, warmMachine } from './index.ts';
import { files, runLine } from './testing.ts';

let stopWarming: () => Promise<void>;
const open = new Set<Sandbox>();
let directory: string;

async function machine(tree: Record<string, string> = {}, limits: Partial<Limits> = {}): Promise<Sandbox> {
  const sandbox = await createSandbox({ limits: { wallMs: 20_000, ...limits } });
  open.add(sandbox);
  await sandbox.writeEntries(files(tree));
  return sandbox;
}

beforeAll(() => {
  stopWarming = warmMachine();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'attack-'));
});
afterEach(async () => {
  for (const sandbox of open) await sandbox.close();
  open.clear();
  rmSync(directory, { recursive: true });
});
afterAll(() => stopWarming());

/** What running a program ends with: its output, or the error that ended the machine. */
async function attack(source: string, limits: Partial<Limits> = {}): Promise<string> {
  const sandbox = await machine({ 'attack.cjs': source }, limits);
  return runLine(sandbox, 'node attack.cjs').then(
    ({ stdout, stderr }) => stdout + stderr,
    ({ name, message }: Error) => `${name}: ${message}`,
  );
}

describe('the host', () => {
  test('has no file in reach', async () => {
    writeFileSync(join(directory, 'secret'), 'of the host');
    const output = await attack(`
      const fs = require('fs');
      const native = process.getBuiltinModule('fs');
      const engine = new Function('return import("node:fs")')();
      const paths = ['/etc/passwd', '/proc/self/environ', '/app/../../../etc/passwd', ${JSON.stringify(directory)} + '/secret'];
      engine.then((module) => {
        for (const reader of [fs, native, module]) for (const path of paths) {
          try { console.log('READ', path, reader.readFileSync(path, 'utf8')); } catch (error) { console.log(error.code); }
        }
        fs.symlinkSync(${JSON.stringify(directory)}, '/app/link');
        try { console.log('READ', fs.readFileSync('/app/link/secret', 'utf8')); } catch (error) { console.log(error.code); }
      });`);
    expect(output).toContain('ENOENT');
    expect(output).not.toContain('READ');
    expect(output).not.toContain('of the host');
  });

  test('shows nothing of its environment', async () => {
    process.env.SANDBOX_TEST_SECRET = 'a secret of the host';
    const output = await attack(`
      console.log(JSON.stringify(process.env), require('child_process').execSync('node -p "JSON.stringify(process.env)"') + '');
      new Function('return import("node:process")')().then(({ env }) => console.log(JSON.stringify(env)));`);
    delete process.env.SANDBOX_TEST_SECRET;
    expect(output).toContain('PATH');
    expect(output).not.toContain('SANDBOX_TEST_SECRET');
    expect(output).not.toContain('a secret of the host');
  });

  test('is not reached over loopback', async () => {
    let reached = 0;
    const server = createServer((_request, response) => {
      reached += 1;
      response.end('inside');
    });
    server.on('connection', () => {
      reached += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const output = await attack(`
      const urls = ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0.0.0.0'].map((host) => 'http://' + host + ':${port}/');
      (async () => {
        for (const url of urls) console.log(await fetch(url).then((r) => r.status + ' ' + r.ok, (error) => error.message));
        const socket = require('net').connect(${port}, '127.0.0.1');
        socket.on('connect', () => console.log('CONNECTED')).on('error', () => console.log('no socket'));
      })();`);
    await new Promise((resolve) => server.close(resolve));
    expect(output).toContain('403 false');
    expect(output).toContain('no socket');
    expect(output).not.toContain('CONNECTED');
    expect(reached).toBe(0);
  });
});

test('a build sees no file of another', async () => {
  const [first, second] = [await machine({ secret: 'of the first' }), await machine()];
  await runLine(first, 'cp secret /tmp/secret');
  const { stdout, stderr } = await runLine(second, 'cat /tmp/secret /app/secret');
  expect(stdout).toBe('');
  expect(stderr).toContain('No such file');
});

describe('too much', () => {
  test('a regular expression without end is killed', async () => {
    const output = await attack(`/^(a+)+$/.test('a'.repeat(60) + 'b');`, { wallMs: 1000 });
    expect(output).toContain('LimitError: A command took');
  });

  test('promises without end are killed', async () => {
    const output = await attack('(function next() { Promise.resolve().then(next); })();', { wallMs: 1000 });
    expect(output).toContain('LimitError: A command took');
  });

  test('a decompression bomb is stopped', async () => {
    const bomb = gzipSync(Buffer.alloc(1 << 29)).toString('base64');
    const output = await attack(`require('zlib').gunzipSync(Buffer.from('${bomb}', 'base64'));`);
    expect(output).toContain('Memory limit exceeded');
  });

  test.each([
    [
      'programs',
      `const { spawn } = require('child_process');
       const bomb = () => spawn('node', ['/app/attack.cjs'], { stdio: 'inherit' })
         .on('error', ({ code }) => { console.log(code); process.exit(1); });
       bomb(); bomb();`,
    ],
    ['workers', `const { Worker } = require('worker_threads'); for (;;) new Worker('/app/attack.cjs');`],
    ['the shell', `require('child_process').exec('f() { f | f & }; f', (_, __, stderr) => console.log(stderr));`],
  ])('a fork bomb of %s ends', async (_name, source) => {
    const output = await attack(source, { wallMs: 10_000, memoryMiB: 1000 });
    expect(output).toMatch(/EAGAIN|LimitError|maximum/);
  });

  test('the next build is unharmed', async () => {
    await attack('for (;;);', { wallMs: 300 });
    expect(await attack('console.log(1 + 1)')).toBe('2\n');
  });
});

describe('archives', () => {
  const archive = (name: string, extra: object = {}) =>
    packTar([{ header: { name, size: 0, ...extra }, body: '' }] as never);

  test.each([
    ['an absolute path', '/etc/cron.d/evil', {}],
    ['a path that climbs', 'a/../../evil', {}],
    ['a hard link', 'evil', { type: 'link', linkname: '/etc/passwd' }],
    ['a device', 'evil', { type: 'character-device' }],
  ])('with %s are refused', async (_name, path, extra) => {
    const sandbox = await machine();
    await expect(sandbox.writeTar(await archive(path, extra), { into: '/app' })).rejects.toThrow(/archive has/);
  });

  test('that lead out by a link are refused when the tree comes back', async () => {
    const sandbox = await machine();
    await sandbox.writeTar(await archive('evil', { type: 'symlink', linkname: directory }), { into: '/app/sub' });
    const { exit } = await runLine(sandbox, 'ln -s /etc etc');
    expect(exit.exitCode).toBe(0);
    await expect(applyChanges(await sandbox.exportChanges('/app'), directory)).rejects.toThrow(/leads out/);
  });

  test('a directory of the host with a link out of it is refused', async () => {
    symlinkSync('/etc', join(directory, 'link'));
    const sandbox = await machine();
    await expect(sandbox.importDirectory(directory, '/app')).rejects.toThrow(/leads out/);
  });
});

describe('what comes back', () => {
  const content = Buffer.from('evil');
  test.each<[string, TreeEntry[]]>([
    ['an absolute path', [{ type: 'file', path: '/etc/evil', mode: 0o644, content }]],
    ['a path that climbs', [{ type: 'file', path: '../evil', mode: 0o644, content }]],
    ['a deletion outside', [{ type: 'deleted', path: '../outside' }]],
    ['a link out', [{ type: 'symlink', path: 'a', target: '../outside' }]],
    [
      'a file through a link',
      [
        { type: 'directory', path: 'd', mode: 0o755 },
        { type: 'symlink', path: 'a', target: 'd' },
        { type: 'file', path: 'a/b', mode: 0o644, content },
      ],
    ],
  ])('with %s is refused', async (_name, entries) => {
    const inside = join(directory, 'inside');
    mkdirSync(inside);
    writeFileSync(join(directory, 'outside'), 'untouched');
    await expect(applyChanges(entries, inside)).rejects.toThrow();
    expect(readFileSync(join(directory, 'outside'), 'utf8')).toBe('untouched');
    expect(readdirSync(directory).sort()).toEqual(['inside', 'outside']);
    expect(existsSync(join(inside, 'd/b'))).toBe(false);
  });
});

describe('the protocol', () => {
  /** Takes the machine's connection by changing what it is made of. */
  const hijack = (send: string): string => `
    const original = WebSocket.prototype.send;
    WebSocket.prototype.send = function (message) { WebSocket.prototype.send = original; ${send} };
    console.log('go');`;

  test.each([
    ['what is no JSON', `this.send('{')`],
    ['null', `this.send('null')`],
    ['a frame that is cut short', 'this.send(new Uint8Array([1, 2]))'],
  ])('%s ends the build that sends it', async (_name, send) => {
    const sandbox = await machine({ 'attack.cjs': hijack(send) });
    await expect(runLine(sandbox, 'node attack.cjs')).rejects.toThrow('the sandbox sent what is not its protocol');
  });

  test('an answer pollutes no object of the host', async () => {
    const answer = '"value":{"__proto__":{"polluted":1},"exitCode":{"a":1},"signal":9}';
    const send = `for (let id = 0; id < 99; id++) this.send('{"type":"return","id":' + id + ',${answer}}')`;
    const sandbox = await machine({ 'attack.cjs': hijack(send) });
    expect((await runLine(sandbox, 'node attack.cjs')).exit).toEqual({ exitCode: null, signal: null });
    expect({}).not.toHaveProperty('polluted');
  });

  test('only calls that exist are answered', async () => {
    const send = `
      const answers = [];
      this.addEventListener('message', ({ data }) => String(data).includes('return') && answers.push(String(data)));
      for (const method of ['__proto__', 'constructor', 'toString', 'spawn']) {
        this.send(JSON.stringify({ type: 'call', id: 1, method, params: {} }));
      }
      original.call(this, message);
      setTimeout(() => console.log(answers.length, answers.every((text) => text.includes('there is no method'))), 300);`;
    const sandbox = await machine({ 'attack.cjs': hijack(send) });
    expect((await runLine(sandbox, 'node attack.cjs')).stdout).toContain('4 true');
  });
});
