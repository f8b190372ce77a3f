import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createSandbox } from './index.ts';

async function run(script: string) {
  const sandbox = await createSandbox({ network: 'public' });
  onTestFinished(() => sandbox.close());
  let output = '';
  const take = (chunk: Uint8Array) => {
    output += Buffer.from(chunk).toString();
  };
  const { exitCode } = await sandbox.spawn('node', ['-e', script], { onStdout: take, onStderr: take }).exited;
  return { exitCode, output };
}

test('with the public network, a machine still reaches nothing of this host, by any protocol', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const refused = { exitCode: 0, output: 'refused\n' };
  const says = "() => console.log('reached'), () => console.log('refused')";
  expect(await run(`fetch('http://127.0.0.1:${port}/').then(${says})`)).toEqual(refused);
  expect(await run(`fetch('http://localhost:${port}/').then(${says})`)).toEqual(refused);
  const tcp = (start: string) =>
    `${start}.on('connect', () => console.log('reached')).on('error', () => console.log('refused'))`;
  expect(await run(tcp(`require('net').connect(${port}, '127.0.0.1')`))).toEqual(refused);
  expect(await run(tcp(`new (require('net').Socket)().connect(${port}, '127.0.0.1')`))).toEqual(refused);
  expect(connections).toBe(0);
});
