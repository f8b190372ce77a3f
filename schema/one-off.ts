/**
 * One-off dynos, which the builder runs, in machines as builds have them: the border between the edge and the builder.
 *
 * `POST <builder>/dynos` with a OneOffOrder and `Authorization: Bearer <internal secret>`. Where nobody attaches, the
 * answer is a stream of OneOffEvents, one JSON object a line, that ends with an `exit`; closing it changes nothing for
 * mode `detached`, and ends a `release`. For mode `attached` the answer is an AttachPoint, and the command starts when
 * the client comes there. `GET <builder>/dynos/<app>` answers an array of OneOffDyno; `DELETE <builder>/dynos/<app>/<id>`
 * ends one.
 */
import * as z from 'zod';

export const oneOffOrder = z.object({
  /** The dyno's UUID. */
  id: z.uuid(),
  app: z.object({ id: z.uuid(), name: z.string() }),
  /** `run` or `release`, or what the person calls it. */
  type: z.string(),
  /** A line of shell, or a process type of the slug and its arguments. */
  command: z.string().min(1),
  mode: z.enum(['attached', 'detached', 'release']),
  /** Whether a terminal is at the other end, which shows what is typed by what comes back. */
  tty: z.boolean(),
  /** `Basic` */
  size: z.string(),
  release: z.object({ id: z.uuid(), version: z.number().int() }),
  /** `GET` with the internal secret answers the slug's archive. */
  slug: z.url(),
  /** `GET <packages>/<sha256>` with the internal secret answers what the slug's manifest names in `packages`. */
  packages: z.url(),
  /** `POST` with the internal secret takes lines for the app's log, as schema/route.ts has them. */
  logs: z.url(),
  /** The app's config vars, and what the person added to them. */
  env: z.record(z.string(), z.string()),
});

/** A one-off dyno that runs, or waits for its client. */
export const oneOffDyno = z.object({
  id: z.uuid(),
  /** `run.1234` */
  name: z.string(),
  type: z.string(),
  command: z.string(),
  size: z.string(),
  state: z.enum(['starting', 'up']),
  release: z.object({ id: z.uuid(), version: z.number().int() }),
  /** Milliseconds since 1970. */
  createdAt: z.number(),
  since: z.number(),
});

/** Where the client of an attached dyno connects, with TLS; the first line that it sends is the secret. */
export const attachPoint = z.object({ dyno: oneOffDyno, port: z.number().int(), secret: z.string() });

export const oneOffEvent = z.discriminatedUnion('type', [
  /** The first event. */
  z.object({ type: z.literal('started'), dyno: oneOffDyno }),
  z.object({ type: z.literal('output'), text: z.string() }),
  /** `reason` says why the platform ended it, in one sentence. */
  z.object({ type: z.literal('exit'), status: z.number().int(), reason: z.string().optional() }),
]);

export type OneOffOrder = z.infer<typeof oneOffOrder>;
export type OneOffDyno = z.infer<typeof oneOffDyno>;
export type OneOffEvent = z.infer<typeof oneOffEvent>;
export type AttachPoint = z.infer<typeof attachPoint>;
