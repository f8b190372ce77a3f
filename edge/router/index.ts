/**
 * From a host name to the app's instance: Heroku's HTTP router. Knows nothing of where it runs: the runner and the
 * edge give it what it needs.
 */
import type { LogLine, Route } from '../../schema/route.ts';
import { type FailureCode, failure, failureCode } from '../runtimes/failure.ts';
import { requestedHost } from './hosts.ts';
import { failurePage, noSuchApp } from './pages.ts';
import { type PlacedDyno, place } from './placement.ts';
import { appHeaders, requestIdOf } from './request-headers.ts';
import { type Context, RouteCache } from './route-cache.ts';
import { routerLine } from './router-log.ts';

/** A dyno as a router sees it, wherever it runs. */
export interface DynoClient {
  /** Serves a request by the app, or answers a `failure`. */
  fetch(request: Request): Promise<Response>;
}

/** A dyno that lives with this router. */
export interface LocalDyno extends DynoClient {
  /** Runs the route's release; resolves when it serves or has crashed. */
  run(route: Route): Promise<void>;
  /** Ends it; it goes on in its own time with what it has begun. */
  stop(): Promise<void>;
}

export interface RouterOptions {
  /** Asks the edge for the route of a host. */
  route(host: string): Promise<Route | null>;
  /** Which of the runners this is, and how many there are. */
  runner: { index: number; count: number };
  /** A dyno of this runner. */
  local(app: string, dyno: string): LocalDyno;
  /** A dyno of another runner. */
  remote(runner: number, app: string, dyno: string): DynoClient;
  log(line: LogLine, context: Context): void;
  /** Port in the URLs shown to people; empty for the protocol's own. */
  publicPort: string;
}

export interface Router {
  /** Serves a request to the host of an app. */
  fetch(request: Request, context: Context): Promise<Response>;
  /** Serves by `route` from now on; resolves when it does. */
  put(route: Route): Promise<void>;
  /** The route of a host, as this router knows it. */
  route(host: string, context: Context): Promise<Route | null>;
}

export function createRouter(options: RouterOptions): Router {
  const { runner } = options;
  const cache = new RouteCache({ load: options.route, onChange: change });
  const placements = new WeakMap<Route, PlacedDyno[]>();

  const dynosOf = (route: Route): PlacedDyno[] => {
    let dynos = placements.get(route);
    if (!dynos) {
      dynos = place(route, runner.count);
      placements.set(route, dynos);
    }
    return dynos;
  };

  const localDynos = (route: Route | undefined): string[] =>
    route ? dynosOf(route).flatMap(({ dyno, runner: at }) => (at === runner.index ? [dyno] : [])) : [];

  /** Starts what a new route asks for on this runner, and ends what it does not ask for any more. */
  async function change(route: Route, known: Route | undefined): Promise<void> {
    const dynos = route.release ? localDynos(route) : [];
    const gone = localDynos(known).filter((dyno) => !dynos.includes(dyno));
    await Promise.all(dynos.map((dyno) => options.local(route.app.id, dyno).run(route)));
    cache.put(route);
    await Promise.all(gone.map((dyno) => options.local(route.app.id, dyno).stop()));
  }

  /** A dyno for a request: of this runner if there is one, else of another; which, is chance. */
  function pick(route: Route): PlacedDyno | undefined {
    const dynos = dynosOf(route);
    const here = dynos.filter(({ runner: at }) => at === runner.index);
    const choice = here.length > 0 ? here : dynos;
    return choice[Math.floor(Math.random() * choice.length)];
  }

  async function serve(route: Route, dyno: PlacedDyno, request: Request): Promise<Response> {
    const { id } = route.app;
    const client =
      dyno.runner === runner.index ? options.local(id, dyno.dyno) : options.remote(dyno.runner, id, dyno.dyno);
    try {
      return await client.fetch(request);
    } catch (error) {
      console.error(`${dyno.dyno} of ${route.app.name} could not be reached: ${error}`);
      return failure('H99');
    }
  }

  return {
    async fetch(request, context) {
      const host = requestedHost(request);
      const known = cache.get(host, context);
      const route = known instanceof Promise ? await known.catch(() => undefined) : known;
      if (route === undefined) return failurePage('H99', host);
      if (route === null) return noSuchApp(host);

      const requestId = requestIdOf(request);
      const ip = clientIp(request);
      const headers = appHeaders(request, { ip, requestId, publicPort: options.publicPort });
      const started = Date.now();

      const finish = (response: Response, code: FailureCode | null, dyno?: string): Response => {
        const text = routerLine({
          method: request.method,
          path: pathOf(request.url),
          host,
          requestId,
          forwardedFor: headers.get('x-forwarded-for') ?? '',
          protocol: request.url.startsWith('https:') ? 'https' : 'http',
          dyno,
          serviceMs: dyno ? Date.now() - started : undefined,
          status: response.status,
          bytes: Number(response.headers.get('content-length') ?? Number.NaN) || undefined,
          code: code ?? undefined,
        });
        options.log({ app: route.app.id, at: Date.now(), source: 'heroku', dyno: 'router', text }, context);
        return response;
      };
      const fail = (code: FailureCode, dyno?: string) => finish(failurePage(code, route.app.name), code, dyno);

      if (route.maintenance) return fail('H80');
      if (!route.release) return fail('H81');
      const dyno = pick(route);
      if (!dyno) return fail('H14');
      const response = await serve(route, dyno, new Request(request, { headers }));
      const code = failureCode(response);
      return code ? fail(code, dyno.dyno) : finish(response, null, dyno.dyno);
    },

    async put(route) {
      const known = cache.known(route.app.id);
      if (!known || route.revision >= known.revision) await change(route, known);
    },

    async route(host, context) {
      return cache.get(host, context);
    },
  };
}

/** workerd tells the address of the peer in `cf`; Cloudflare in a header. */
function clientIp(request: Request): string {
  const { clientIp: ip } = (request.cf ?? {}) as { clientIp?: string };
  return ip?.replace(/:\d+$/, '') ?? request.headers.get('cf-connecting-ip') ?? '127.0.0.1';
}

/** What follows the host in an absolute URL. */
const pathOf = (url: string): string => url.slice(url.indexOf('/', url.indexOf('//') + 2));
