/**
 * The builder process. Its settings, as environment variables:
 *
 *     BUILDER_PORT       port on loopback; 0 or none takes a free one
 *     INTERNAL_SECRET    what the edge proves itself by
 *     CACHE_DIR          what builds share and may lose; on the file system of WORK_DIR
 *     WORK_DIR           directories of builds; emptied at the start
 *     BUILD_CONCURRENCY  builds at once; half of the processors, but one at least
 *     TRUSTED_HOSTS      host:port, separated by commas: where sources and buildpacks may come from by plain http or from
 *                        inside; by default they come from the public internet, by https
 *     COMPOSER_SOURCE    where Composer comes from: `https://…/composer.phar#sha256=<hex>`; without it none runs
 *     RENDEZVOUS_HOST    address where the clients of one-off dynos connect; 127.0.0.1 by default
 *     RENDEZVOUS_PORT    its port; 0 or none takes a free one
 *     RENDEZVOUS_DIR     where its key and certificate are kept; by default in CACHE_DIR, for one start
 *     RENDEZVOUS_NAMES   host names and addresses of the certificate, separated by commas
 *
 * When it takes orders it sends its parent `{ ready: true, port }`, or prints a line when it has none.
 */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { warmMachine } from '../sandbox/index.ts';
import { readHostSettings } from './npm/settings.ts';
import { PackageStore } from './npm/store.ts';
import { keptCertificate } from './oneoff/certificate.ts';
import { OneOffs } from './oneoff/one-offs.ts';
import { Rendezvous } from './oneoff/rendezvous.ts';
import { createBuildServer } from './server.ts';
import { Web } from './web.ts';

const settings = z
  .object({
    BUILDER_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
    INTERNAL_SECRET: z.string().min(16),
    CACHE_DIR: z.string().min(1),
    WORK_DIR: z.string().min(1),
    BUILD_CONCURRENCY: z.coerce
      .number()
      .int()
      .min(1)
      .default(Math.max(1, Math.floor(availableParallelism() / 2))),
    TRUSTED_HOSTS: z
      .string()
      .default('')
      .transform((list) => new Set(list.split(',').map((host) => host.trim().toLowerCase()))),
    COMPOSER_SOURCE: z.string().optional(),
    RENDEZVOUS_HOST: z.string().min(1).default('127.0.0.1'),
    RENDEZVOUS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
    RENDEZVOUS_DIR: z
      .string()
      .min(1)
      .default(process.env.CACHE_DIR ?? ''),
    RENDEZVOUS_NAMES: z
      .string()
      .default('localhost,127.0.0.1')
      .transform((list) => list.split(',')),
  })
  .parse(process.env);
// No library and no child of a build has a use for it.
delete process.env.INTERNAL_SECRET;

await rm(settings.WORK_DIR, { recursive: true, force: true });
await mkdir(settings.WORK_DIR, { recursive: true, mode: 0o700 });
const work = await realpath(settings.WORK_DIR);
await mkdir(join(settings.CACHE_DIR, 'packages'), { recursive: true, mode: 0o700 });
const cache = await realpath(settings.CACHE_DIR);

const registry = await readHostSettings(await mkdtemp(join(work, 'npm-')));
const rendezvous = await Rendezvous.open(keptCertificate(settings.RENDEZVOUS_DIR, settings.RENDEZVOUS_NAMES), {
  host: settings.RENDEZVOUS_HOST,
  port: settings.RENDEZVOUS_PORT,
});
const builds = createBuildServer(
  {
    secret: settings.INTERNAL_SECRET,
    store: new PackageStore(join(cache, 'packages')),
    cache: join(cache, 'registry'),
    work,
    settings: registry,
    web: new Web(registry, settings.TRUSTED_HOSTS),
    composer: settings.COMPOSER_SOURCE,
  },
  { concurrency: settings.BUILD_CONCURRENCY, oneOffs: new OneOffs(settings.INTERNAL_SECRET, rendezvous) },
);
builds.server.listen(settings.BUILDER_PORT, '127.0.0.1', () => {
  const address = builds.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : settings.BUILDER_PORT;
  if (process.send) process.send({ ready: true, port });
  else console.log(`The builder takes orders at http://127.0.0.1:${port}`);
});

// A build that has commands to run does not wait for a machine to start.
const letGo = warmMachine();
const stop = async () => {
  setTimeout(() => process.exit(1), 5_000).unref();
  await Promise.all([builds.stop(), letGo()]);
  process.exit(0);
};
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(event, () => void stop());
