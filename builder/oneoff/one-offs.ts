import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AttachPoint, type OneOffEvent, oneOffOrder } from '../../schema/one-off.ts';
import { OneOff } from './one-off.ts';
import type { Rendezvous } from './rendezvous.ts';
import { LineTerminal } from './terminal.ts';

/** How many run at once; each is a process of its own. */
const MAX_RUNNING = 20;

/** Between two signs of life on a quiet connection. Milliseconds. */
const KEEP_ALIVE_MS = 15_000;

/** Most characters of an order. */
const MAX_ORDER = 1024 * 1024;

/** The one-off dynos of this builder, and the HTTP interface to them: schema/one-off.ts. */
export class OneOffs {
  readonly #secret: string;
  readonly #rendezvous: Rendezvous;
  readonly #running = new Map<string, OneOff>();

  /** @param secret the internal secret */
  constructor(secret: string, rendezvous: Rendezvous) {
    this.#secret = secret;
    this.#rendezvous = rendezvous;
  }

  /** Answers an authorized request for a path below `/dynos`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, , app = '', id = ''] = (request.url ?? '').split('/');
    if (request.method === 'POST' && app === '') return this.#start(request, response);
    const ofApp = [...this.#running.values()].filter(({ order }) => order.app.id === app);
    if (request.method === 'GET' && id === '')
      return json(
        response,
        200,
        ofApp.map(({ status }) => status),
      );
    const one = ofApp.find(({ order }) => order.id === id);
    if (request.method === 'DELETE' && one) {
      one.stop();
      return json(response, 202, {});
    }
    response.writeHead(404).end();
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const one of this.#running.values()) one.stop();
    await this.#rendezvous.close();
  }

  async #start(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const order = body.length > MAX_ORDER ? undefined : oneOffOrder.safeParse(JSON.parse(body)).data;
    if (!order) return json(response, 400, { message: 'It is no order for a one-off dyno.' });
    if (this.#running.size >= MAX_RUNNING) {
      return json(response, 429, { message: `Cannot run more than ${MAX_RUNNING} one-off dynos at once.` });
    }
    const one = new OneOff(order, this.#nameFor(order.app.id, order.type), this.#secret);
    this.#running.set(order.id, one);
    if (order.mode === 'attached') return this.#attach(one, response);
    await this.#follow(one, response).finally(() => this.#running.delete(order.id));
  }

  #attach(one: OneOff, response: ServerResponse): void {
    const { id, tty } = one.order;
    one.await();
    const secret = this.#rendezvous.expect({
      arrived: async (socket) => {
        const terminal = new LineTerminal(socket, { tty, hangUp: () => one.stop() });
        const { reason } = await one.run(terminal);
        this.#running.delete(id);
        terminal.end(reason);
      },
      missed: async () => {
        await one.abandon();
        this.#running.delete(id);
      },
    });
    const point: AttachPoint = { dyno: one.status, port: this.#rendezvous.port, secret };
    json(response, 201, point);
  }

  /** Streams what it does. A release ends with the connection; another one goes on. */
  async #follow(one: OneOff, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    const send = (event: OneOffEvent) => void response.write(`${JSON.stringify(event)}\n`);
    send({ type: 'started', dyno: one.status });
    if (one.order.mode === 'release') response.on('close', () => one.stop());
    const alive = setInterval(() => response.write('\n'), KEEP_ALIVE_MS);
    const ended = await one.run({ write: (output) => send({ type: 'output', text: output }), connect: () => {} });
    clearInterval(alive);
    send({ type: 'exit', ...ended });
    response.end();
  }

  /** `run.1234`, four digits that no other dyno of the app has. */
  #nameFor(app: string, type: string): string {
    for (;;) {
      const name = `${type}.${randomInt(1_000, 10_000)}`;
      if (![...this.#running.values()].some((one) => one.order.app.id === app && one.name === name)) return name;
    }
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
