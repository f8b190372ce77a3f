import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { viteTextBundles } from './edge/bundle.ts';
import { PlainSummary } from './test/support/plain-summary.ts';

/** What the host sets besides wrangler.toml; see edge/env.ts. */
const bindings = {
  API_KEY: 'operator-key',
  SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  INTERNAL_SECRET: 'internal-secret',
  BUILDER_URL: 'http://builder.invalid',
  EDGE_URL: 'http://edge.invalid',
  MIGRATIONS: await readD1Migrations('schema/migrations'),
};

export default defineConfig({
  test: {
    // It would not notice that a module has changed which the bundle of a Worker is made of (edge/bundle.ts).
    fsModuleCache: false,
    reporters: ['default', new PlainSummary()],
    projects: [
      {
        // What runs in workerd is tested in workerd, with the bindings of wrangler.toml.
        plugins: [
          viteTextBundles,
          cloudflareTest({
            main: './edge/index.ts',
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings },
          }),
        ],
        test: {
          name: 'edge',
          include: ['edge/**/*.test.ts', 'schema/**/*.test.ts'],
          setupFiles: ['edge/testing/migrate.ts'],
        },
      },
      {
        test: { name: 'node', include: ['{builder,sandbox,host}/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          exclude: ['test/heroku/**', '**/node_modules/**'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'heroku',
          include: ['test/heroku/*.test.ts'],
          globalSetup: 'test/heroku/install.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
