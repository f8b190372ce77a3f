import { connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { openSockets } from './listen.ts';

it('opens sockets that this process never accepts on', async () => {
  const [socket] = await openSockets([{ host: '127.0.0.1', port: 0 }]);
  expect(socket?.fd).toBeGreaterThan(2);
  const client = connect(socket?.port ?? 0, '127.0.0.1');
  // The kernel takes the connection, and nobody reads from it or closes it.
  const outcome = await Promise.race([
    new Promise((resolve) => client.once('close', () => resolve('closed'))),
    new Promise((resolve) => client.once('connect', () => setTimeout(() => resolve('waiting'), 200))),
  ]);
  expect(outcome).toBe('waiting');
  client.destroy();
});

it('says which address is in use, and keeps none of the others', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = taken.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const [free] = await openSockets([{ host: '127.0.0.2', port: 0 }]);
  await expect(
    openSockets([
      { host: '127.0.0.3', port: free?.port ?? 0 },
      { host: '127.0.0.1', port },
    ]),
  ).rejects.toThrow(`Port ${port} is in use on 127.0.0.1. Stop what uses it, or set PORT to another.`);
  expect(await openSockets([{ host: '127.0.0.3', port: free?.port ?? 0 }])).toHaveLength(1);
  taken.close();
});
