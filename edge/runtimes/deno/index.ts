/**
 * The deno runtime: turns a slug whose manifest says `runtime: 'deno'` into the code of a dynamic Worker. What is in the
 * slug is what ../node/index.ts says: the isolate is that of Node.js, with Deno's namespace in it.
 */
import { composeEvaluating } from '../compose.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { Slug } from '../slug.ts';
import adapter from './adapter/index.ts?bundle';

/** The dynamic Worker for one process of a slug: see adapter/index.ts. */
export const workerCode = (slug: Slug, options: RuntimeOptions): WorkerLoaderWorkerCode =>
  composeEvaluating(adapter, slug, options);
