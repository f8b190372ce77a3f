import type { Buildpack } from './buildpack.ts';
import { deno } from './deno/index.ts';
import { go } from './go/index.ts';
import { nodejs } from './nodejs/index.ts';
import { php } from './php/index.ts';
import { python } from './python/index.ts';
import { ruby } from './ruby/index.ts';
import { staticSite } from './static/index.ts';
import { worker } from './worker/index.ts';

/** The buildpacks that Islet brings, in the order in which they look at an app. */
export const buildpacks: readonly Buildpack[] = [ruby, deno, nodejs, python, php, go, worker, staticSite];
