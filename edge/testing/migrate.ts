/** Before each file of tests: the tables are there, as on a platform that has started. */
import { applyD1Migrations, type D1Migration } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

const { MIGRATIONS } = env as unknown as { MIGRATIONS: D1Migration[] };
await applyD1Migrations(env.DB, MIGRATIONS);
