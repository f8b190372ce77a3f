/**
 * The same Express application, asked by wrk: bare in Node.js, behind nginx where that is installed, bare in workerd, and
 * on Islet with one runner and with two, among 1, 10 and more apps. One app of one process lives in one runner; so here
 * each has as many processes as there are runners.
 *
 *     npm run bench:router           among 1 and 10 apps
 *     APPS=100 npm run bench:router  among 100, too
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { freePort } from '../host/free-port.ts';
import { workerd } from '../host/workerd.ts';
import { Platform } from '../test/support/platform.ts';
import type { Repository } from '../test/support/repository.ts';
import { expressRepository } from './support/express.ts';
import { publish, type Result } from './support/results.ts';
import { untilOk, wrk } from './support/wrk.ts';

const APPS = Number(process.env.APPS ?? 10);
const TASKS = ['hello', 'json', 'megabyte', 'upload'] as const;

const directory = mkdtempSync(join(tmpdir(), 'islet-bench-'));
const results: Result[] = [];
const servers: ChildProcess[] = [];

/** A script for wrk: its requests go to the hosts in turn; an upload sends a megabyte. */
function script(task: string, hosts: string[]): string {
  const file = join(directory, 'wrk.lua');
  const body = task === 'upload' ? 'string.rep("x", 1048576)' : 'nil';
  writeFileSync(
    file,
    `local hosts = { ${hosts.map((host) => JSON.stringify(host)).join(', ')} }
local body = ${body}
local n = 0
request = function()
  n = n + 1
  return wrk.format(body and "POST" or "GET", "/${task}", { Host = hosts[n % #hosts + 1] }, body)
end
`,
  );
  return file;
}

async function measureAll(subject: string, port: number, hosts: string[], apps = 1): Promise<void> {
  for (const host of hosts) await untilOk(port, host, '/hello');
  for (const task of TASKS) {
    for (const [unit, value] of Object.entries(await wrk(port, `/${task}`, ['-s', script(task, hosts)]))) {
      results.push({ task: `${task}, ${apps} ${apps === 1 ? 'app' : 'apps'}`, subject, value, unit });
    }
  }
}

function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): void {
  servers.push(spawn(command, args, { cwd: directory, env: { ...process.env, ...env }, stdio: 'inherit' }));
}

async function node(): Promise<number> {
  const port = await freePort();
  start(process.execPath, ['server.js'], { PORT: String(port), NODE_ENV: 'production' });
  return port;
}

async function nginx(upstream: number): Promise<number> {
  const port = await freePort();
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; pid ${directory}/nginx.pid; error_log stderr;
events { worker_connections 1024; }
http {
  access_log ${directory}/access.log;
  client_max_body_size 10m;
  upstream app { server 127.0.0.1:${upstream}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  start('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')]);
  return port;
}

async function bareWorkerd(): Promise<number> {
  const port = await freePort();
  writeFileSync(
    join(directory, 'worker.mjs'),
    `process.env.PORT = '8080'; process.env.NODE_ENV = 'production';
import { httpServerHandler } from 'cloudflare:node';
await import('./server.js');
export default httpServerHandler({ port: 8080 });
`,
  );
  await build({
    entryPoints: [join(directory, 'worker.mjs')],
    outfile: join(directory, 'bundle.mjs'),
    bundle: true,
    format: 'esm',
    target: 'esnext',
    platform: 'node',
    external: ['cloudflare:*'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('/');" },
  });
  writeFileSync(
    join(directory, 'workerd.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "app", worker = (
    modules = [(name = "app", esModule = embed "bundle.mjs")],
    compatibilityDate = "2026-11-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "app")],
);
`,
  );
  start(workerd, ['serve', join(directory, 'workerd.capnp')]);
  return port;
}

async function islet(repository: Repository, runners: number): Promise<void> {
  const platform = await Platform.start({ RUNNERS: String(runners) });
  try {
    const names: string[] = [];
    for (const count of [1, 10, 100].filter((each) => each <= Math.max(APPS, 1))) {
      while (names.length < count) {
        const name = `bench-${names.length}`;
        await platform.api('POST', '/apps', { name });
        const { code, stderr } = await repository.git('push', platform.remote(name), 'main');
        if (code !== 0) throw new Error(stderr);
        await platform.api('PATCH', `/apps/${name}/formation/web`, { quantity: runners });
        names.push(name);
      }
      const hosts = names.map((name) => `${name}.localhost`);
      await measureAll(`Islet, ${runners} ${runners === 1 ? 'runner' : 'runners'}`, platform.port, hosts, count);
    }
  } finally {
    await platform.destroy();
  }
}

const repository = await expressRepository();
try {
  cpSync(repository.path, directory, { recursive: true });
  const install = spawnSync('npm', ['ci'], { cwd: directory, encoding: 'utf8', timeout: 120_000 });
  if (install.status !== 0) throw new Error(`npm ci failed:\n${install.stderr}`);
  const bare = await node();
  await measureAll('Node.js', bare, ['localhost']);
  if (spawnSync('nginx', ['-v']).status === 0) await measureAll('nginx and Node.js', await nginx(bare), ['localhost']);
  await measureAll('workerd', await bareWorkerd(), ['localhost']);
  for (const server of servers.splice(0)) server.kill('SIGKILL');
  for (const runners of [1, 2]) await islet(repository, runners);
  publish('router', results);
} finally {
  for (const server of servers) server.kill('SIGKILL');
  await repository.destroy();
  rmSync(directory, { recursive: true, force: true });
}
