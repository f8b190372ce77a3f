import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from './index.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox?.close());

function shell() {
  let output = '';
  const take = (chunk: Uint8Array) => {
    output += Buffer.from(chunk).toString();
  };
  const child = sandbox.spawn('bash', ['-i'], {
    cwd: '/app',
    env: { HOME: '/app' },
    stdin: 'pipe',
    onStdout: take,
    onStderr: take,
  });
  const says = (text: string) => expect.poll(() => output, { timeout: 20_000 }).toBe(text);
  return { child, says };
}

test('keeps directory and variables from line to line, and exits as told', async () => {
  const { child, says } = shell();
  await says('~ $ ');
  child.writeStdin('mkdir -p lib && cd lib\nNAME=Ada\n');
  await says('~ $ ~/lib $ ~/lib $ ');
  child.writeStdin('echo $NAME in $PWD; false\n');
  await says('~ $ ~/lib $ ~/lib $ Ada in /app/lib\n~/lib $ ');
  child.writeStdin('exit 4\n');
  expect(await child.exited).toEqual({ exitCode: 4, signal: null });
});

test('goes on after a line that fails, and after Ctrl-C', async () => {
  const { child, says } = shell();
  child.writeStdin('no-such-command\n');
  await says('~ $ sh: no-such-command: command not found\n~ $ ');
  child.writeStdin('node -e "console.log(1); setInterval(() => {}, 1e3)"\n');
  await says('~ $ sh: no-such-command: command not found\n~ $ 1\n');
  child.kill('SIGINT');
  await says('~ $ sh: no-such-command: command not found\n~ $ 1\n~ $ ');
  child.endStdin();
  expect((await child.exited).signal).toBe(null);
});

test('gives a command what follows its line', async () => {
  const { child, says } = shell();
  child.writeStdin("node -e \"process.stdin.once('data', (d) => { console.log('got ' + d); process.exit() })\"\nx\n");
  await says('~ $ got x\n\n~ $ ');
  child.endStdin();
  await child.exited;
});

test('a signal to a script reaches its command first', async () => {
  let output = '';
  const child = sandbox.spawn(
    'sh',
    ['-c', `node -e "process.on('SIGTERM', () => process.exit(5)); console.log('up'); setInterval(() => {}, 1e3)"`],
    {
      onStdout: (chunk) => {
        output += Buffer.from(chunk).toString();
      },
    },
  );
  await expect.poll(() => output, { timeout: 20_000 }).toBe('up\n');
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ exitCode: 5, signal: null });
});
