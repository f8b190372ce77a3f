/** The processes of an app besides `web`. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { alive, descendants } from './support/processes.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;
const app = 'ferry';

beforeAll(async () => {
  platform = await Platform.start();
  repository = await Repository.create({
    'package.json': '{"name":"ferry","version":"1.0.0"}',
    Procfile: 'web: node server.js\nworker: node worker.js one\nclock: node clock.js\n',
    'server.js': "require('node:http').createServer((_, res) => res.end('up\\n')).listen(process.env.PORT);\n",
    'worker.js': `
      let ticks = 0;
      console.log('worker ' + process.argv[2] + ' of ' + process.env.DYNO + ' begins');
      setInterval(() => console.log('tick ' + ++ticks), 200);
      process.on('SIGTERM', () => {
        console.log('worker says goodbye');
        setTimeout(() => process.exit(0), 300);
      });
    `,
    'clock.js': "console.log('clock strikes');\nsetTimeout(() => process.exit(3), 100);\n",
  });
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

const push = () => repository.git('push', platform.remote(app), 'main');
const scale = (updates: { type: string; quantity: number }[]) =>
  platform.api('PATCH', `/apps/${app}/formation`, { updates });
const count = async (text: string) => (await platform.log(app)).split(text).length - 1;
const eventually = (text: string, times = 1) =>
  expect.poll(() => count(text), { timeout: 60_000, interval: 250 }).toBeGreaterThanOrEqual(times);

describe('a background process', () => {
  it('does not run until it is scaled, as on Heroku', async () => {
    await platform.api('POST', '/apps', { name: app });
    const { code, stderr } = await push();
    expect(stderr).toContain('remote:        Procfile declares types     -> web, worker, clock');
    expect(code).toBe(0);
    const { body } = await platform.api('GET', `/apps/${app}/formation`);
    expect(body).toMatchObject([
      { type: 'clock', quantity: 0 },
      { type: 'web', quantity: 1 },
      { type: 'worker', quantity: 0 },
    ]);
    await platform.app(app);
    expect(await platform.log(app)).not.toContain('worker.1');
  });

  it('starts when it is scaled up, without a request', async () => {
    expect((await scale([{ type: 'worker', quantity: 2 }])).status).toBe(200);
    await eventually('heroku[worker.1]: Starting process with command `node worker.js one`');
    await eventually('heroku[worker.1]: State changed from starting to up');
    await eventually('app[worker.1]: worker one of worker.1 begins');
    await eventually('app[worker.2]: tick 3');
  });

  it('is restarted by a release: SIGTERM, its own end, and only then the new one', async () => {
    await platform.api('PATCH', `/apps/${app}/config-vars`, { COLOUR: 'blue' });
    await eventually('app[worker.1]: worker one of worker.1 begins', 2);
    const lines = (await platform.log(app)).split('\n').filter((line) => line.includes('[worker.1]'));
    const said = lines.map((line) => line.replace(/^\S+ /, '')).filter((line) => !line.includes('tick'));
    expect(said.slice(3)).toEqual([
      'heroku[worker.1]: Stopping all processes with SIGTERM',
      'app[worker.1]: worker says goodbye',
      'heroku[worker.1]: Process exited with status 0',
      'heroku[worker.1]: Starting process with command `node worker.js one`',
      'heroku[worker.1]: State changed from starting to up',
      'app[worker.1]: worker one of worker.1 begins',
    ]);
  });

  it('starts again when its runner is killed', async () => {
    const runners = descendants(platform.pid).filter(({ command }) => command.includes('runner.capnp'));
    expect(runners.length).toBeGreaterThanOrEqual(2);
    for (const { pid } of runners) process.kill(pid, 'SIGKILL');
    await expect.poll(() => alive(runners), { timeout: 30_000 }).toEqual([]);
    await eventually('app[worker.1]: worker one of worker.1 begins', 3);
    await eventually('app[worker.2]: worker one of worker.2 begins', 3);
  });

  it('runs on while the edge is killed', async () => {
    const [edge] = descendants(platform.pid).filter(({ command }) => command.includes('host/edge.ts'));
    const before = await count('app[worker.1]: tick');
    process.kill(edge?.pid ?? 0, 'SIGKILL');
    const ticks = () => count('app[worker.1]: tick').catch(() => 0);
    await expect.poll(ticks, { timeout: 60_000 }).toBeGreaterThan(before + 10);
    expect(await count('app[worker.1]: worker one of worker.1 begins')).toBe(3);
  });

  it('starts again with the platform', async () => {
    expect(await platform.stop()).toBe(0);
    await platform.start();
    await eventually('app[worker.1]: worker one of worker.1 begins', 4);
  });

  it('ends when it is scaled down', async () => {
    // The log keeps so many lines that ticks may have pushed out an exit from before: the newest one counts.
    const exit = async () =>
      (await platform.log(app))
        .split('\n')
        .findLast((line) => line.includes('heroku[worker.2]: Process exited with status 0'));
    const before = await exit();
    await scale([{ type: 'worker', quantity: 0 }]);
    await expect.poll(exit, { timeout: 60_000, interval: 250 }).not.toBe(before);
    const ticks = await count('tick');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await count('tick')).toBe(ticks);
  });

  it('is started again when it ends by itself, sooner the first times', async () => {
    await scale([{ type: 'clock', quantity: 1 }]);
    await eventually('app[clock.1]: clock strikes', 3);
    const log = await platform.log(app);
    expect(log).toContain('heroku[clock.1]: Process exited with status 3');
    expect(log).toContain('heroku[clock.1]: State changed from up to crashed');
    expect(log).toContain('heroku[clock.1]: State changed from crashed to starting');
    await scale([{ type: 'clock', quantity: 0 }]);
  });
});

describe('a one-off dyno with a terminal', () => {
  /** A client of `heroku run` whose standard input and output are a terminal. */
  async function attach(command: string) {
    const { status, body } = await platform.api<{ attach_url: string; name: string }>('POST', `/apps/${app}/dynos`, {
      command,
      attach: true,
      env: { TERM: 'xterm', COLUMNS: 100, LINES: 40 },
    });
    expect(status).toBe(201);
    const { hostname, port, pathname } = new URL(body.attach_url);
    const ca = await readFile(`${platform.dataDir}/rendezvous.crt`);
    const socket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' });
    let output = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    socket.write(`${pathname.slice(1)}\r\n`);
    const says = (text: string) => expect.poll(() => output, { timeout: 60_000 }).toBe(`rendezvous\r\n${text}`);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    return { socket, says, closed, name: body.name };
  }

  it('is a shell that shows what is typed', async () => {
    const { socket, says, closed, name } = await attach('bash');
    await says('~ $ ');
    socket.write('echo $COLUMMS\x7f\x7fNS by $LINES\r');
    await says('~ $ echo $COLUMMS\b \b\b \bNS by $LINES\r\n100 by 40\r\n~ $ ');
    socket.write('\x04');
    await closed;
    await eventually(`heroku[${name}]: Process exited with status 0`);
    await eventually(`heroku[${name}]: State changed from up to complete`);
  });

  it('is interrupted by Ctrl-C', async () => {
    const { socket, says, closed, name } = await attach('node -e "console.log(1); setInterval(() => {}, 1000)"');
    await says('1\r\n');
    socket.write('\x03');
    await closed;
    await says('1\r\n^C\r\n');
    await eventually(`heroku[${name}]: Process exited with status 130`);
  });

  it('lets nobody in without the secret, and nobody twice', async () => {
    const { body } = await platform.api<{ attach_url: string }>('POST', `/apps/${app}/dynos`, {
      command: 'echo secret',
      attach: true,
    });
    const { port, pathname } = new URL(body.attach_url);
    const hear = async (hello: string) => {
      const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false });
      socket.write(hello);
      const chunks: Buffer[] = [];
      await new Promise((resolve) => socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('close', resolve));
      return Buffer.concat(chunks).toString();
    };
    expect(await hear(`${pathname.slice(1, -1)}\r\n`)).toBe('');
    expect(await hear('x'.repeat(10_000))).toBe('');
    expect(await hear(`${pathname.slice(1)}\r\n`)).toBe('rendezvous\r\nsecret\n');
    expect(await hear(`${pathname.slice(1)}\r\n`)).toBe('');
  });
});

describe('a release phase', () => {
  const name = 'gate';
  let gate: Repository;
  const pushGate = () => gate.git('push', platform.remote(name), 'main');
  const releases = () =>
    platform.newest<{ version: number; status: string; current: boolean; output_stream_url: string | null }>(
      `/apps/${name}/releases`,
      'version',
    );

  beforeAll(async () => {
    gate = await Repository.create({
      'package.json': '{"name":"gate","version":"1.0.0"}',
      Procfile: 'web: node server.js\nrelease: node migrate.js && echo "Done by $DYNO"\n',
      'server.js':
        "require('node:http').createServer((_, res) => res.end('one ' + process.env.COLOUR)).listen(process.env.PORT);\n",
      'migrate.js': "console.log('Migrating for ' + process.env.COLOUR);\n",
    });
    await platform.api('POST', '/apps', { name });
  });
  afterAll(() => gate?.destroy());

  it('runs before the release goes live, and is seen in the push and as the output of the release', async () => {
    const { code, stderr } = await pushGate();
    expect(stderr).toContain('remote:  !     Release command declared: this new release will not be available');
    expect(stderr).toMatch(/remote: Migrating for undefined\s+remote: Done by release\.\d{4}\s/);
    expect(stderr).toContain('remote:        Released v2');
    expect(code).toBe(0);
    expect((await platform.app(name)).text).toBe('one undefined');
    const [release] = await releases();
    expect(release).toMatchObject({ version: 2, status: 'succeeded', current: true });
    expect(await (await fetch(release?.output_stream_url ?? '')).text()).toMatch(
      /^Migrating for undefined\nDone by release\.\d{4}\n$/,
    );
    expect(await platform.log(name)).toMatch(/app\[release\.\d{4}\]: Migrating for undefined\n/);
  });

  it('runs for a change of config vars, with the new ones', async () => {
    const { status } = await platform.api('PATCH', `/apps/${name}/config-vars`, { COLOUR: 'green' });
    expect(status).toBe(200);
    expect((await platform.app(name)).text).toBe('one green');
    const [release] = await releases();
    expect(await (await fetch(release?.output_stream_url ?? '')).text()).toContain('Migrating for green\n');
  });

  it('keeps the old release, and the push fails, when it fails', async () => {
    await gate.write({ 'migrate.js': "console.error('No such table');\nprocess.exit(7);\n" });
    await gate.commit('A migration that fails');
    const { code, stderr } = await pushGate();
    expect(stderr).toContain('remote: No such table');
    expect(stderr).toContain(
      'remote:  !     Release command failed: it exited with status 7. Release v4 is not available.',
    );
    expect(stderr).toMatch(/! \[remote rejected\] main -> main/);
    expect(code).not.toBe(0);
    expect((await platform.app(name)).text).toBe('one green');
    const [failed, before] = await releases();
    expect(failed).toMatchObject({ version: 4, status: 'failed', current: false });
    expect(before).toMatchObject({ version: 3, status: 'succeeded', current: true });
    expect(await (await fetch(failed?.output_stream_url ?? '')).text()).toContain('No such table');
    const changed = await platform.api('PATCH', `/apps/${name}/config-vars`, { COLOUR: 'red' });
    expect(changed.status).toBe(200);
    expect((await platform.app(name)).text).toBe('one red');
  });

  it.each(['builder/main.ts', 'host/edge.ts'])('fails with the reason when %s is killed meanwhile', async (part) => {
    await gate.write({ 'migrate.js': "console.log('Slowly');\nsetTimeout(() => {}, 600_000);\n" });
    await gate.commit('A slow migration');
    const pushing = pushGate();
    await expect.poll(() => platform.log(name), { timeout: 60_000 }).toMatch(/app\[release\.\d{4}\]: Slowly/);
    await expect.poll(async () => (await releases())[0]).toMatchObject({ status: 'pending', current: false });
    const [process_] = descendants(platform.pid).filter(({ command }) => command.includes(part));
    process.kill(process_?.pid ?? 0, 'SIGKILL');
    const { code } = await pushing;
    expect(code).not.toBe(0);
    await expect
      .poll(async () => (await releases().catch(() => []))[0], { timeout: 60_000 })
      .toMatchObject({ status: 'failed', current: false });
    expect((await platform.app(name)).text).toBe('one red');
    await gate.write({ 'migrate.js': "console.log('Quickly');\n" });
    await gate.commit('A quick migration');
    await expect.poll(async () => (await pushGate()).code, { timeout: 60_000 }).toBe(0);
    expect((await releases())[0]).toMatchObject({ status: 'succeeded', current: true });
    // The log would show the line of this round in the next.
    await platform.api('DELETE', `/apps/${name}`);
    await platform.api('POST', '/apps', { name });
    await platform.api('PATCH', `/apps/${name}/config-vars`, { COLOUR: 'red' });
    expect((await pushGate()).code).toBe(0);
  });
});
