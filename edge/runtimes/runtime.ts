/** What a runtime is told of the process that it makes a Worker for. */
export interface RuntimeOptions {
  /** The app's config vars. */
  config: Record<string, string>;
  /** `web.1` */
  dyno: string;
  /** The release's version. */
  version: number;
  /** Where the app's own connections go; without it, to wherever this Worker's may. */
  outbound?: Fetcher;
  /** Whether the app may make functions of text while it serves, as templates do; Cloudflare refuses it. */
  evaluates: boolean;
}
