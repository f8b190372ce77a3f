import type { SlugManifest } from '../../schema/slug.ts';
import { workerCode as deno } from './deno/index.ts';
import { workerCode as go } from './go/index.ts';
import type { GeneratedCode } from './instance-protocol.ts';
import { workerCode as node } from './node/index.ts';
import { workerCode as php } from './php/index.ts';
import { workerCode as python } from './python/index.ts';
import { workerCode as ruby } from './ruby/index.ts';
import type { Slug } from './slug.ts';
import { workerCode as worker } from './worker/index.ts';

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
  /** Where it may not: the functions that it is known to make, for which its isolate is prepared. */
  generated: readonly GeneratedCode[];
  /** Whether others that it needs are to be told. */
  learns: boolean;
}

/** Makes of a slug the dynamic Worker whose Durable Object class `App` is one process of it. */
type Runtime = (slug: Slug, options: RuntimeOptions) => WorkerLoaderWorkerCode;

const runtimes: Record<SlugManifest['runtime'], Runtime> = { deno, go, node, php, python, ruby, worker };

export const workerCode: Runtime = (slug, options) => runtimes[slug.manifest.runtime](slug, options);

/** Whether instances of a slug's runtime know the link; see link/protocol.ts. */
export const takesLink = ({ manifest }: Slug): boolean => manifest.runtime === 'node';
