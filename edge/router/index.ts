/**
 * From a host name to the app's instance: Heroku's HTTP router. Knows nothing of where it runs: the runner and the
 * edge give it what it needs.
 */
import type { LogLine, Route } from '../../schema/route.ts';
import { type FailureCode, failureCode } from '../runtimes/failure.ts';
import type { Answer, RequestHead } from '../runtimes/link/protocol.ts';
import { askedDyno, rememberDyno } from './affinity.ts';
import { Backlog } from './backlog.ts';
import { requestedHost } from './hosts.ts';
import { endIdle } from './idle.ts';
import { failurePage, noSuchApp } from './pages.ts';
import { type PlacedDyno, place } from './placement.ts';
import { appHeaders, requestIdOf } from './request-headers.ts';
import { type Context, RouteCache } from './route-cache.ts';
import { type Arrival, type RoutedRequest, routerLine, type WaitingRequest } from './router-log.ts';

/** A dyno as a router sees it, wherever it runs. */
export interface DynoClient {
  /** Serves a request by the app, or answers a `failure`. */
  fetch(request: Request): Promise<Response>;
}

/** A dyno that lives with this router. */
export interface LocalDyno extends DynoClient {
  /**
   * The same for a request without a body, in fewer steps; undefined where that cannot be now.
   *
   * @param onAnswer called once when there is an answer, also where the client does not wait for it any more
   */
  ask?(request: RequestHead, onAnswer: () => void): Promise<Answer | Response> | undefined;
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
  /** Called right before an app gets the thread: with a request, or to start. */
  entering?(app: string): void;
  /** Called with a request that is handed to a dyno; what is returned is called when it has its answer. */
  waiting?(request: WaitingRequest): () => void;
  /** Port in the URLs shown to people; empty for the protocol's own. */
  publicPort: string;
  /** How long nothing may move in a response that has begun. Milliseconds; 55 seconds if absent. */
  streamMs?: number;
}

export interface Router {
  /** Serves a request to the host of an app. */
  fetch(request: Request, context: Context): Promise<Response>;
  /** Serves by `route` from now on; resolves when it does. */
  put(route: Route): Promise<void>;
  /** The route of an app, if this router knows it. */
  known(app: string): Route | undefined;
  /** The route of a host, as this router knows it. */
  route(host: string, context: Context): Promise<Route | null>;
}

/** What became of a request: the app's response, or why there is none. */
type Outcome = { dyno?: string } & ({ response: Response; whole?: Answer } | { code: FailureCode });

export function createRouter(options: RouterOptions): Router {
  const { runner } = options;
  const cache = new RouteCache({ load: options.route, onChange: change });
  const backlog = new Backlog();
  const placements = new WeakMap<Route, PlacedDyno[]>();

  function dynosOf(route: Route): PlacedDyno[] {
    let dynos = placements.get(route);
    if (!dynos) {
      dynos = place(route, runner.count);
      placements.set(route, dynos);
    }
    return dynos;
  }

  const isLocal = (dyno: PlacedDyno): boolean => dyno.runner === runner.index;

  /** Starts what a new route asks for on this runner, and ends what it does not ask for any more. */
  async function change(route: Route, known: Route | undefined): Promise<void> {
    const localDyno = ({ dyno }: PlacedDyno) => options.local(route.app.id, dyno);
    const here = route.release && !route.halted ? dynosOf(route).filter(isLocal) : [];
    const before = known ? dynosOf(known).filter(isLocal) : [];
    if (here.length > 0) options.entering?.(route.app.id);
    await Promise.all(here.map((dyno) => localDyno(dyno).run(route)));
    cache.put(route);
    const gone = before.filter(({ dyno }) => !here.some((other) => other.dyno === dyno));
    await Promise.all(gone.map((dyno) => localDyno(dyno).stop()));
  }

  /** A dyno for a request: of this runner if there is one, else of another; which, is chance, or as a cookie says. */
  function pick(route: Route, request: Request): PlacedDyno | undefined {
    const dynos = dynosOf(route).filter(({ type }) => type === 'web');
    const asked = route.affinity ? askedDyno(request) : undefined;
    const known = asked && dynos.find(({ dyno }) => dyno === asked);
    if (known) return known;
    const here = dynos.filter(isLocal);
    const choice = here.length > 0 ? here : dynos;
    return choice[Math.floor(Math.random() * choice.length)];
  }

  async function serve(
    route: Route,
    request: Request,
    headers: Record<string, string>,
    arrival: Arrival,
  ): Promise<Outcome> {
    if (route.maintenance) return { code: 'H80' };
    if (!route.release) return { code: 'H81' };
    const placed = pick(route, request);
    if (!placed) return { code: 'H14' };
    if (route.halted) return { code: 'H10', dyno: placed.dyno };
    const { dyno } = placed;
    const { id, name } = route.app;
    const leave = backlog.enter(id);
    if (!leave) return { code: 'H11', dyno };
    const answered = options.waiting?.({ ...arrival, app: id, dyno });
    const done = () => {
      leave();
      answered?.();
    };
    try {
      const answer = await hand(placed, id, request, headers, arrival, done);
      const whole = answer instanceof Response ? undefined : answer;
      const response = answer instanceof Response ? answer : wholeResponse(answer);
      const code = whole ? null : failureCode(response);
      if (code) return { dyno, code };
      const remembered = route.affinity && askedDyno(request) !== dyno;
      return { dyno, whole, response: remembered ? rememberDyno(response, dyno) : response };
    } catch (error) {
      console.error(`${dyno} of ${name} could not be reached: ${error}`);
      return { dyno, code: 'H99' };
    }
  }

  /** Gives a request to a dyno, in as few steps as it can be. @param done called when there is an answer */
  async function hand(
    { dyno, runner: place }: PlacedDyno,
    app: string,
    request: Request,
    headers: Record<string, string>,
    { method, path }: Arrival,
    done: () => void,
  ): Promise<Answer | Response> {
    const local = place === runner.index ? options.local(app, dyno) : undefined;
    if (local) options.entering?.(app);
    const isPlain = request.body === null && headers.upgrade === undefined;
    const asked = isPlain ? local?.ask?.({ method, path, headers }, done) : undefined;
    if (asked) return asked;
    const client = local ?? options.remote(place, app, dyno);
    try {
      return await client.fetch(new Request(request, { headers }));
    } finally {
      done();
    }
  }

  return {
    async fetch(request, context) {
      const host = requestedHost(request);
      const route = await Promise.try(() => cache.get(host, context)).catch(() => undefined);
      if (route === undefined) return failurePage('H99', host);
      if (route === null) return noSuchApp(host);

      const started = Date.now();
      const requestId = requestIdOf(request);
      const headers = appHeaders(request, { ip: clientIp(request), requestId, publicPort: options.publicPort });
      const arrival: Arrival = {
        at: started,
        method: request.method,
        path: pathOf(request.url),
        host,
        requestId,
        forwardedFor: headers['x-forwarded-for'] ?? '',
        protocol: request.url.startsWith('https:') ? 'https' : 'http',
      };
      const outcome = await serve(route, request, headers, arrival);
      const failed = 'code' in outcome;
      const response = failed ? failurePage(outcome.code, route.app.name, route.release?.config) : outcome.response;
      const whole = failed ? undefined : outcome.whole;
      const length = whole ? lengthOf(whole) : response.headers.get('content-length');
      const routed: RoutedRequest = {
        ...arrival,
        dyno: outcome.dyno,
        serviceMs: outcome.dyno === undefined ? undefined : Date.now() - started,
        status: whole?.status ?? response.status,
        bytes: length ?? '',
        code: failed ? outcome.code : undefined,
      };
      const log = (line: RoutedRequest) => {
        const text = routerLine(line);
        options.log({ app: route.app.id, at: Date.now(), source: 'heroku', dyno: 'router', text }, context);
      };
      log(routed);
      // A length says when it ends; what has none may go on for ever. (To watch what is compressed would mean to unpack it.)
      if (whole || length !== null || !response.body || response.headers.has('content-encoding')) return response;
      const onIdle = () => log({ ...routed, code: 'H15', serviceMs: Date.now() - started });
      return new Response(endIdle(response.body, options.streamMs ?? 55_000, onIdle), response);
    },

    async put(route) {
      const known = cache.known(route.app.id);
      if (!known || route.revision >= known.revision) await change(route, known);
    },

    known: (app) => cache.known(app),

    async route(host, context) {
      return cache.get(host, context);
    },
  };
}

/** workerd tells the peer's address and port in `cf`; Cloudflare tells the address in a header. */
export function clientIp(request: Request): string {
  const { clientIp: peer } = (request.cf ?? {}) as { clientIp?: string };
  if (peer === undefined) return request.headers.get('cf-connecting-ip') ?? '127.0.0.1';
  return peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** A response as an object. Its body is sent as it is, also one that the app has compressed. */
function wholeResponse({ status, statusText, headers, body }: Answer): Response {
  const several = Object.entries(headers).filter(([, value]) => Array.isArray(value));
  // Made of an object with strings, it takes a third of the time.
  const init = { status, statusText, headers: headers as Record<string, string>, encodeBody: 'manual' } as const;
  if (several.length === 0) return new Response(body, init);
  const made = new Headers(several.flatMap(([name, values]) => [...values].map((value) => [name, value])));
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string') made.append(name, value);
  return new Response(body, { ...init, headers: made });
}

/** The Content-Length that an app has given. */
function lengthOf({ headers }: Answer): string | null {
  for (const [name, value] of Object.entries(headers))
    if (name.toLowerCase() === 'content-length') return String(value);
  return null;
}

/** What follows the host in an absolute URL. */
const pathOf = (url: string): string => url.slice(url.indexOf('/', url.indexOf('//') + 2));
