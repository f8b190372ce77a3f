import { afterAll, beforeAll, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

let platform: Platform;
let heroku: Heroku;
let repository: Repository;
const app = 'ferry';

beforeAll(async () => {
  platform = await Platform.start();
  heroku = await Heroku.for(platform);
  repository = await Repository.create({
    'package.json': JSON.stringify({
      name: 'ferry',
      version: '1.0.0',
      scripts: { hello: 'node hello.js' },
      dependencies: { semver: '7.8.6' },
    }),
    Procfile: 'web: node server.js\nhello: node hello.js\n',
    'server.js': "require('node:http').createServer((_, res) => res.end('up\\n')).listen(process.env.PORT);\n",
    'hello.js': "console.log('Hello', process.env.NAME, ...process.argv.slice(2));\n",
    'echo.js': "process.stdin.on('data', (text) => process.stdout.write(String(text).toUpperCase()));\n",
    'public/note.txt': 'In the slug\n',
  });
  await platform.api('POST', '/apps', { name: app });
  expect((await repository.git('push', platform.remote(app), 'main')).code).toBe(0);
  await platform.api('PATCH', `/apps/${app}/config-vars`, { NAME: 'Ada' });
});
afterAll(async () => {
  await heroku?.destroy();
  await repository?.destroy();
  await platform?.destroy();
});

/** Trusts the platform's certificate, as docs/processes.md says. */
const trust = () => ({ NODE_EXTRA_CA_CERTS: `${platform.dataDir}/rendezvous.crt` });

const run = (args: string[], input = '') => heroku.run(['run', '--app', app, ...args], { input, env: trust() });

it('run prints what the command prints, and how it goes', async () => {
  const { code, stdout, stderr } = await run(['--', 'node', 'hello.js', 'World']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Hello Ada World\n' });
  expect(stderr).toMatch(/Running node hello\.js World on ferry\.\.\. up, run\.\d{4}/);
});

it.each([
  ['node -e "console.log(6 * 7)"', '42\n'],
  ['npm run --silent hello', 'Hello Ada\n'],
  ["node -p \"require('semver').valid('v1.2.3')\"", '1.2.3\n'],
  ['semver 1.2.3 -i minor', '1.3.0\n'],
  ['hello again', 'Hello Ada again\n'],
  ['cat public/note.txt', 'In the slug\n'],
  ['ls | grep [.]js$ | sort', 'echo.js\nhello.js\nserver.js\n'],
  ['echo $NAME in $PWD', 'Ada in /app\n'],
  ['bash -c "exit 0" && echo yes', 'yes\n'],
])('run %s', async (command, stdout) => {
  expect(await run([command])).toMatchObject({ code: 0, stdout });
});

it('run gives the environment, with what --env adds', async () => {
  const { stdout } = await run(['--env', 'NAME=Bob;COLOUR=blue', 'env']);
  expect(stdout).toMatch(/^NAME=Bob$/m);
  expect(stdout).toMatch(/^COLOUR=blue$/m);
  expect(stdout).toMatch(/^DYNO=run\.\d{4}$/m);
  expect(stdout).toMatch(/^HOME=\/app$/m);
});

it('run --exit-code', async () => {
  expect(await run(['--exit-code', 'node -e "process.exit(3)"'])).toMatchObject({ code: 3 });
  expect(await run(['--exit-code', 'echo fine'])).toMatchObject({ code: 0, stdout: 'fine\n' });
  expect(await run(['--exit-code', 'no-such-command'])).toMatchObject({ code: 127 });
});

it('run passes on what is typed, and its end', async () => {
  expect(await run(['node', 'echo.js'], 'some words\n')).toMatchObject({ code: 0, stdout: 'SOME WORDS\n' });
  expect(await run(['bash'], 'cd public\ncat note.txt\n')).toMatchObject({ code: 0, stdout: 'In the slug\n' });
});

it('ps shows a one-off dyno, ps:stop ends it', async () => {
  const running = heroku.start(['run', '--app', app, 'node -e "console.log(1); setInterval(() => {}, 1e3)"'], trust());
  await expect.poll(() => running.stdout, { timeout: 60_000 }).toContain('1\n');
  const ps = await heroku.run(['ps', '--app', app]);
  expect(ps.stdout).toMatch(
    /=== run: one-off processes \(1\)\n\nrun\.\d{4} \(Basic\): up .*: node -e "console\.log\(1\); setInterval/,
  );
  const [name = ''] = /run\.\d{4}/.exec(ps.stdout) ?? [];
  expect(await heroku.run(['ps:stop', '--app', app, '--dyno-name', name])).toMatchObject({ code: 0 });
  expect((await running.ended).code).toBe(0);
  await expect.poll(() => platform.log(app)).toContain(`heroku[${name}]: State changed from up to complete`);
});

it('ends the command when the client goes', async () => {
  const running = heroku.start(['run', '--app', app, 'sleep 600'], trust());
  await expect
    .poll(async () => (await heroku.run(['ps', '--app', app])).stdout, { timeout: 60_000 })
    .toMatch(/run\.\d{4} \(Basic\): up .*: sleep 600/);
  running.process.kill('SIGKILL');
  await expect
    .poll(async () => (await heroku.run(['ps', '--app', app])).stdout, { timeout: 60_000 })
    .not.toContain('one-off');
});

it('is killed when it takes too much memory, and says so', async () => {
  const { stdout } = await run(['node -e "const a = []; for (;;) a.push(new Uint8Array(1 << 24).fill(1))"']);
  expect(stdout).toMatch(
    / ! {4}Error R15 \(Memory quota vastly exceeded\) -> \d+M of 1024M; the process is killed\.\n$/,
  );
});

it('ends with its app', async () => {
  await platform.api('POST', '/apps', { name: 'short' });
  expect((await repository.git('push', platform.remote('short'), 'main')).code).toBe(0);
  const running = heroku.start(['run', '--app', 'short', 'echo begins; sleep 600'], trust());
  await expect.poll(() => running.stdout, { timeout: 60_000 }).toBe('begins\n');
  expect((await platform.api('DELETE', '/apps/short')).status).toBe(200);
  expect((await running.ended).code).toBe(0);
});

it('run:detached writes to the log', async () => {
  const { code, stdout, stderr } = await heroku.run(['run:detached', '--app', app, '--type', 'job', 'node hello.js']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/Running node hello\.js on ferry\.\.\. done, job\.\d{4}/);
  const [name = ''] = /job\.\d{4}/.exec(stdout) ?? [];
  expect(stdout).toContain(`Run heroku logs --app ${app} --dyno ${name} to view the output.`);
  await expect
    .poll(() => platform.log(app), { timeout: 60_000 })
    .toContain(`heroku[${name}]: State changed from up to`);
  const said = (await platform.log(app)).split('\n').filter((line) => line.includes(`[${name}]`));
  expect(said.map((line) => line.replace(/^\S+ /, ''))).toEqual([
    `heroku[${name}]: Starting process with command \`node hello.js\``,
    `heroku[${name}]: State changed from starting to up`,
    `app[${name}]: Hello Ada`,
    `heroku[${name}]: Process exited with status 0`,
    `heroku[${name}]: State changed from up to complete`,
  ]);
});

it('refuses a size that there is not, an empty command, and an app without a slug', async () => {
  expect((await run(['--size', 'huge', 'ls'])).stderr).toContain('No such dyno size: huge.');
  expect((await platform.api('POST', `/apps/${app}/dynos`, { command: ' ' })).status).toBe(422);
  await platform.api('POST', '/apps', { name: 'empty' });
  const { status, body } = await platform.api('POST', '/apps/empty/dynos', { command: 'ls' });
  expect({ status, message: body.message }).toEqual({
    status: 422,
    message: 'empty has nothing to run yet: deploy it first.',
  });
});

it('reaches nothing of this machine', async () => {
  const { stdout } = await run([
    `node -e "fetch('http://127.0.0.1:${platform.port}/health').then((r) => console.log(r.status), () => console.log('refused'))"`,
  ]);
  expect(stdout).toBe('refused\n');
});
