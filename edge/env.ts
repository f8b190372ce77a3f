import type { BuildQueue, Dyno, LogChannel, Repository, WebhookChannel } from './index.ts';
import type { InternetEnv } from './platform/internet.ts';

/** What wrangler.toml binds, and the secrets and variables the host sets. */
export interface Env extends InternetEnv {
  DB: D1Database;
  BUCKET: R2Bucket;
  LOADER: WorkerLoader;
  REPOSITORY: DurableObjectNamespace<Repository>;
  BUILD_QUEUE: DurableObjectNamespace<BuildQueue>;
  LOG_CHANNEL: DurableObjectNamespace<LogChannel>;
  WEBHOOKS: DurableObjectNamespace<WebhookChannel>;
  DYNO: DurableObjectNamespace<Dyno>;
  /** The domain below which every app has its host. */
  APPS_DOMAIN: string;
  /** Port in the URLs shown to people; empty for the protocol's own. */
  PUBLIC_PORT: string;
  /** The operator's key to the API. */
  API_KEY: string;
  /** 32 bytes in base64: encrypts config vars at rest. */
  SECRET_KEY: string;
  /** The key before, while what it has sealed is sealed anew. */
  PREVIOUS_SECRET_KEY?: string;
  /** Shared by edge, builder and runners of one start. */
  INTERNAL_SECRET: string;
  /** Where the builder takes orders. */
  BUILDER_URL: string;
  /** The edge as the builder and the runners reach it. */
  EDGE_URL: string;
  /** JSON array of the runners' private URLs; `[]` where the edge itself runs the apps. */
  RUNNERS: string;
  /** JSON array of the private URLs that runners for one app alone have; they are numbered after the others. */
  LONE_RUNNERS?: string;
}

declare global {
  namespace Cloudflare {
    interface Env extends globalThis.IsletEnv {}
  }
  interface IsletEnv extends Env {}
}
