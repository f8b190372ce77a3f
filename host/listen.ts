import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StartError } from './settings.ts';

export interface Socket {
  /** A file descriptor of this process, listening. Children inherit it; they accept, this process never does. */
  fd: number;
  port: number;
}

export interface Address {
  host: string;
  /** 0 for any free one. */
  port: number;
}

/**
 * Opens listening sockets to hand to child processes. Node accepts on whatever it listens on as soon as its event loop
 * turns, so they are opened by a thread that then sleeps for ever: descriptors belong to the process, and stay open.
 * @throws StartError when an address is in use or not to be had
 */
export async function openSockets(addresses: Address[]): Promise<Socket[]> {
  const thread = new Worker(new URL('./listen-thread.ts', import.meta.url), { workerData: addresses });
  const [answer] = await once(thread, 'message');
  thread.unref();
  if (Array.isArray(answer)) return answer;
  const { code, message, host, port } = answer;
  if (code === 'EADDRINUSE') {
    throw new StartError(`Port ${port} is in use on ${host}. Stop what uses it, or set PORT to another.`);
  }
  if (code === 'EACCES') throw new StartError(`Port ${port} is not for this user. Set PORT to one above 1023.`);
  throw new StartError(`Cannot listen on ${host} port ${port}: ${message}`);
}
