import type { Dyno } from './index.ts';

/** What runner/config.ts binds. */
export interface RunnerEnv {
  LOADER: WorkerLoader;
  DYNO: DurableObjectNamespace<Dyno>;
  /** The edge process. */
  EDGE: Fetcher;
  /** The public internet, for apps. */
  INTERNET: Fetcher;
  /** Shared by edge, builder and runners of one start. */
  INTERNAL_SECRET: string;
  /** JSON array of every runner's private URL. */
  RUNNERS: string;
  /** The same of runners for one app alone; they are numbered after the others. */
  LONE_RUNNERS: string;
  /** This runner's place among them. */
  RUNNER: string;
  APPS_DOMAIN: string;
  /** Port in the URLs shown to people; empty for the protocol's own. */
  PUBLIC_PORT: string;
  /** Begins the lines by which the supervisor knows which app has the thread, and marks the table of requests. */
  TRACE: string;
  /** JSON of Timeouts that are not Heroku's own. */
  TIMEOUTS: string;
}
