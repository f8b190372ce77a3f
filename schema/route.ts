/**
 * The border between the edge and the runners: what a router must know to serve a host.
 *
 * A runner asks `GET <edge>/internal/routes/<host>` and gets a RouteAnswer. When a release, the formation, the domains
 * or the maintenance mode of an app change, the edge sends `PUT <runner>/routes` with the app's Route to the private
 * socket of every runner; the runner answers 204 when it serves by it. Both directions carry
 * `Authorization: Bearer <internal secret>`.
 */
import * as z from 'zod';

export const route = z.object({
  app: z.object({ id: z.uuid(), name: z.string() }),
  /** Grows with every change of anything in this object; an older one never replaces a newer. */
  revision: z.number().int(),
  /** Host names, lower case, without port, that this app answers to; `*.` for all of one level below a domain. */
  hosts: z.array(z.string()),
  maintenance: z.boolean(),
  /** A client's requests go to the dyno that its first one went to. */
  affinity: z.boolean().optional(),
  /** What runs; null before the first deploy. */
  release: z
    .object({
      id: z.uuid(),
      version: z.number().int(),
      /** `GET <edge>/internal/slugs/<sha256>` answers the archive. */
      slug: z.string().regex(/^[0-9a-f]{64}$/),
      commit: z.string().nullable(),
      createdAt: z.iso.datetime(),
      /** The app's config vars, in clear. */
      config: z.record(z.string(), z.string()),
    })
    .nullable(),
  /** Process type to number of dynos: `{ web: 1 }`. */
  formation: z.record(z.string(), z.number().int()),
  /** The number of the runner that has this app alone, where it may have harmed others; see host/runner-pool.ts. */
  runner: z.number().int().optional(),
  /** It has harmed its runner again, and is not to run for now. */
  halted: z.boolean().optional(),
});

/** `null`: no app answers to this host. */
export const routeAnswer = z.object({ route: route.nullable() });

/**
 * An app that has background processes, which run without being asked for anything: a runner asks
 * `GET <edge>/internal/background` for all of them when it starts, and now and then.
 */
export const backgroundApp = z.object({
  app: z.uuid(),
  revision: z.number().int(),
  /** One that its route can be asked by. */
  host: z.string(),
});

/**
 * How it is with a dyno. The edge asks the runner that has it: `POST <runner>/dynos/status` with DynosOrder answers an
 * array; `POST <runner>/dynos/restart` starts them anew.
 */
export const dynoStatus = z.object({
  /** `web.1` */
  name: z.string(),
  /** Of this life of the process; null when it has none. */
  id: z.uuid().nullable(),
  /** `idle`: nobody has asked for it since its runner started, and it starts when someone does. */
  state: z.enum(['starting', 'up', 'crashed', 'idle', 'down']),
  /** When it came into this state: milliseconds since 1970. */
  since: z.number().nullable(),
  release: z.object({ id: z.uuid(), version: z.number().int() }).nullable(),
});

/** Which dynos of an app are meant. */
export const dynosOrder = z.object({ app: z.uuid(), dynos: z.array(z.string()) });

/** A line for an app's log. A runner sends batches: `POST <edge>/internal/logs` with a JSON array. */
export const logLine = z.object({
  app: z.uuid(),
  /** Milliseconds since 1970. */
  at: z.number(),
  /** `app` for what the app wrote, `heroku` for what the platform says of it. */
  source: z.enum(['app', 'heroku']),
  /** `web.1`, `router`, `api`, … */
  dyno: z.string(),
  text: z.string(),
});

export type Route = z.infer<typeof route>;
export type RouteAnswer = z.infer<typeof routeAnswer>;
export type BackgroundApp = z.infer<typeof backgroundApp>;
export type DynoStatus = z.infer<typeof dynoStatus>;
export type LogLine = z.infer<typeof logLine>;
