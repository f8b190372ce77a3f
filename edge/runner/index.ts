/** The Worker of a runner: listens for the public, routes, and runs apps in its own process. */
import { env as bindings, WorkerEntrypoint } from 'cloudflare:workers';
import { dynosOrder, type LogLine, route as routeSchema } from '../../schema/route.ts';
import { secretsEqual } from '../platform/bytes.ts';
import { withClientAddress } from '../platform/client-address.ts';
import { isControlHost, requestedHost } from '../router/hosts.ts';
import { clientIp, createRouter } from '../router/index.ts';
import { starting } from '../router/pages.ts';
import { type Ask, DynoObject } from '../runtimes/dyno.ts';
import { dynoKey } from '../runtimes/dyno-name.ts';
import { failure } from '../runtimes/failure.ts';
import type { Answered } from '../runtimes/link/link.ts';
import type { Answer, RequestHead } from '../runtimes/link/protocol.ts';
import { defaultTimeouts, type Timeouts } from '../runtimes/timeouts.ts';
import { Background } from './background.ts';
import { EdgeClient } from './edge-client.ts';
import type { RunnerEnv } from './env.ts';
import { readForwarded, remoteDyno } from './forward.ts';
import { LogShipper } from './log-shipper.ts';
import { RequestTable } from './request-table.ts';
import { Trace } from './trace.ts';

const env = bindings as unknown as RunnerEnv;
const timeouts: Partial<Timeouts> = JSON.parse(env.TIMEOUTS);

/** A Dyno that has not even said that its app takes too long is not there any more. Milliseconds. */
const LOST_MS = (timeouts.requestMs ?? defaultTimeouts.requestMs) + 10_000;

const runners: string[] = JSON.parse(env.RUNNERS);
const loneRunners: string[] = JSON.parse(env.LONE_RUNNERS || '[]');
const edge = new EdgeClient(env);
const table = new RequestTable(env.TRACE);
const trace = new Trace((line) => console.log(line), env.TRACE);
const logs = new LogShipper((lines) => edge.log(lines));

/** The dynos of this runner that can be asked without a call. */
const links = new Map<string, Ask>();

/** Keys of dynos that a call is on its way to. */
const called = new Set<string>();

function dynoStub(key: string): DurableObjectStub<Dyno> {
  called.add(key);
  return env.DYNO.get(env.DYNO.idFromName(key));
}

function ask(key: string, request: RequestHead, onAnswer: () => void): Promise<Answer | Response> | undefined {
  const asked = links.get(key)?.(request, onAnswer);
  return asked && answerOf(key, asked, onAnswer);
}

/** A request that waits for what happens in a Dyno's I/O context alone, workerd takes for one that hangs: so it has a timer. */
async function answerOf(key: string, asked: Promise<Answered>, onAnswer: () => void): Promise<Answer | Response> {
  const lost = Promise.withResolvers<Answered>();
  const timer = setTimeout(() => {
    links.delete(key);
    onAnswer();
    lost.resolve({ code: 'H13' });
  }, LOST_MS);
  const answered = await Promise.race([asked, lost.promise]);
  clearTimeout(timer);
  if ('code' in answered) return failure(answered.code);
  return 'stream' in answered ? dynoStub(key).fetch(answered.stream) : answered;
}

const router = createRouter({
  route: (host) => edge.route(host),
  runner: { index: Number(env.RUNNER), count: runners.length },
  local(app, dyno) {
    const key = dynoKey({ app, dyno });
    return {
      ask: (request, onAnswer) => ask(key, request, onAnswer),
      fetch: (request) => dynoStub(key).fetch(request),
      run: (route) => dynoStub(key).run(route),
      stop: () => dynoStub(key).stop(),
    };
  },
  remote: (runner, app, dyno) =>
    remoteDyno([...runners, ...loneRunners][runner] ?? '', dynoKey({ app, dyno }), env.INTERNAL_SECRET),
  entering: (app) => trace.entering(app),
  waiting: (request) => table.enter(request),
  log: (line, context) => logs.log(line, context),
  publicPort: env.PUBLIC_PORT,
  streamMs: timeouts.streamMs,
});

const background = new Background({
  apps: () => edge.background(),
  route: (host) => edge.route(host),
  known: (app) => router.known(app),
  put: (route) => router.put(route),
});

/** A process of an app on this runner. */
export class Dyno extends DynoObject<RunnerEnv> {
  protected readonly host = {
    loader: env.LOADER,
    outbound: env.INTERNET,
    evaluates: true,
    route: (host: string) => router.route(host, this.ctx),
    slug: (sha256: string) => edge.slug(sha256),
    sourceMap: (sha256: string) => edge.sourceMap(sha256),
    log: (line: LogLine) => logs.log(line, this.ctx),
    arrived: () => void called.delete(this.ctx.id.name ?? ''),
    isQuiet: () => !called.has(this.ctx.id.name ?? '') && !logs.sendsIn(this.ctx),
    timeouts,
    links,
  };
}

/** The private socket: for the supervisor, the edge and the other runners. */
export class Private extends WorkerEntrypoint<RunnerEnv> {
  override async fetch(request: Request): Promise<Response> {
    const forwarded = readForwarded(request);
    if (forwarded) {
      if (!(await secretsEqual(forwarded.secret, env.INTERNAL_SECRET))) return notFound();
      trace.entering(forwarded.key.split('/')[0] ?? '');
      return dynoStub(forwarded.key).fetch(forwarded.request);
    }
    const { pathname } = new URL(request.url);
    if (request.method === 'GET' && pathname === '/ping') {
      background.tick(this.ctx);
      return new Response('pong\n');
    }
    const shown = request.headers.get('authorization') ?? '';
    if (!(await secretsEqual(shown, `Bearer ${env.INTERNAL_SECRET}`))) return notFound();
    if (request.method === 'PUT' && pathname === '/routes') return this.#putRoute(request);
    if (request.method === 'POST' && pathname === '/dynos/status') return this.#dynoStatuses(request);
    if (request.method === 'POST' && pathname === '/dynos/restart') return this.#restartDynos(request);
    return notFound();
  }

  async #dynoStatuses(request: Request): Promise<Response> {
    const { app, dynos } = dynosOrder.parse(await request.json());
    return Response.json(await Promise.all(dynos.map((dyno) => dynoStub(dynoKey({ app, dyno })).status())));
  }

  async #restartDynos(request: Request): Promise<Response> {
    const { app, dynos } = dynosOrder.parse(await request.json());
    await Promise.all(dynos.map((dyno) => dynoStub(dynoKey({ app, dyno })).restart()));
    return new Response(null, { status: 204 });
  }

  async #putRoute(request: Request): Promise<Response> {
    await router.put(routeSchema.parse(await request.json()));
    return new Response(null, { status: 204 });
  }
}

const notFound = () => new Response('Not found\n', { status: 404 });

/** Paths of the edge that are not for the public. */
const INTERNAL = /^\/+internal(\/|$)/;

/** The public socket. */
export default {
  async fetch(request, _env, context) {
    if (!isControlHost(requestedHost(request), env.APPS_DOMAIN)) return router.fetch(request, context);
    if (INTERNAL.test(decoded(new URL(request.url).pathname))) return notFound();
    // Apps run on without the edge; only what changes them has to wait for it.
    return env.EDGE.fetch(withClientAddress(request, clientIp(request))).catch(starting);
  },
} satisfies ExportedHandler<RunnerEnv>;

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
