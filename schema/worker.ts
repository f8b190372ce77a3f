/** What a slug says of a Worker beside its code: the configuration of wrangler, as far as it counts when it runs. */
import * as z from 'zod';

export const workerConfig = z.object({
  /** `vars` that are no strings: the Worker finds them in its `env` where no config var has the name. */
  vars: z.record(z.string(), z.json()).default({}),
  /** When `scheduled` is called: cron expressions as Cloudflare has them ("Cron Triggers"), in UTC. */
  crons: z.array(z.string()).default([]),
});

export type WorkerConfig = z.infer<typeof workerConfig>;

/** The commands of a Worker's process types: nobody types them. */
export const workerCommands = {
  web: 'workerd',
  /** Calls `scheduled`; there is one from the first deploy on, as on Cloudflare. */
  cron: 'workerd --cron',
} as const;
