import { request as httpRequest, type IncomingMessage } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

interface Options {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Closes the connection. */
  signal?: AbortSignal;
}

/**
 * One request on a connection of its own to 127.0.0.1, with any Host: not every machine resolves `<app>.localhost`.
 */
export async function request(port: number, host: string, path: string, options: Options = {}): Promise<Answer> {
  const response = await open(port, host, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/** The same, with the body left to be read as it comes. */
export function open(port: number, host: string, path: string, options: Options = {}): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = httpRequest(
    {
      host: '127.0.0.1',
      port,
      path,
      method: options.method ?? 'GET',
      headers: { host: `${host}:${port}`, ...options.headers },
      agent: false,
      timeout: 60_000,
      signal: options.signal,
    },
    resolve,
  );
  outgoing.on('timeout', () => outgoing.destroy(new Error(`No answer from ${host}${path} in 60 s.`)));
  outgoing.on('error', reject);
  outgoing.end(options.body);
  return promise;
}

/** A POST whose body comes in parts. */
export async function upload(port: number, host: string, body: AsyncIterable<Buffer>): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { host: `${host}:${port}` };
  const outgoing = httpRequest({ host: '127.0.0.1', port, path: '/', method: 'POST', headers, agent: false }, resolve);
  outgoing.on('error', reject);
  for await (const part of body) outgoing.write(part);
  outgoing.end();
  const response = await promise;
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}
