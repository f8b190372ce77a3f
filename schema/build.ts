/**
 * The border between the edge's BuildQueue and a builder.
 *
 * The edge sends `POST <builder>/builds` with a BuildOrder and `Authorization: Bearer <internal secret>`. The answer is
 * a stream of BuildEvents, one JSON object a line, that ends with exactly one `result`. A stream that ends without one
 * means the builder died. Closing the connection cancels the build. Empty lines keep the connection alive.
 */
import * as z from 'zod';

export const buildOrder = z.object({
  /** The build's UUID. */
  id: z.uuid(),
  app: z.object({ id: z.uuid(), name: z.string() }),
  /** Where the source is: `GET` answers a tar archive of the tree, gzipped or not. */
  source: z.object({
    url: z.url(),
    /** A commit that was pushed or an archive that was uploaded, both by the internal secret; or anywhere on the internet. */
    from: z.enum(['push', 'upload', 'internet']),
    /** SHA-256 that the archive must have, in lower-case hex. */
    sha256: z.string().nullable(),
    /** A commit, or what the person calls it. */
    version: z.string().nullable(),
  }),
  /** The buildpacks of the app, in order: Heroku's names of official ones, or URLs. None: its files say, or are looked at. */
  buildpacks: z.array(z.string()),
  /** The source is a slug in Heroku's form (`app/` is built already), with these process types: type to command. */
  slug: z.object({ processTypes: z.record(z.string(), z.string()) }).nullable(),
  /** `PUT <caches>/<name>` with the internal secret keeps a build cache of the app, `GET` gives it back. */
  caches: z.url(),
  /** `PUT <slugs>/<sha256>` with the internal secret stores the slug; `HEAD` answers 200 when it is there already. */
  slugs: z.url(),
  /** The same for what many slugs have in common: `PUT`, `HEAD` of `<engines>/<sha256>`. */
  engines: z.url(),
  /** The app's config vars, as the build's environment. */
  config: z.record(z.string(), z.string()),
});

const phases = ['fetch', 'detect', 'resolve', 'install', 'commands', 'bundle', 'store'] as const;

export const buildEvent = z.discriminatedUnion('type', [
  /** Text for the person who pushed, with its newlines. */
  z.object({ type: z.literal('output'), text: z.string() }),
  /** A phase has ended; milliseconds of wall time. */
  z.object({ type: z.literal('phase'), phase: z.enum(phases), ms: z.number() }),
  z.discriminatedUnion('status', [
    z.object({
      type: z.literal('result'),
      status: z.literal('succeeded'),
      slug: z.object({
        /** SHA-256 of the archive, in lower-case hex. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        /** Bytes. */
        size: z.number(),
        language: z.string(),
        processTypes: z.record(z.string(), z.string()),
      }),
    }),
    /** `reason` is one sentence that also stands in the last lines of the output. */
    z.object({ type: z.literal('result'), status: z.literal('failed'), reason: z.string() }),
  ]),
]);

export type BuildOrder = z.infer<typeof buildOrder>;
export type BuildEvent = z.infer<typeof buildEvent>;
export type BuildPhase = (typeof phases)[number];
export type BuildResult = Extract<BuildEvent, { type: 'result' }>;
