import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        // What runs in workerd is tested in workerd, with the bindings of wrangler.toml.
        plugins: [cloudflareTest({ main: './edge/index.ts', wrangler: { configPath: './wrangler.toml' } })],
        test: { name: 'edge', include: ['edge/**/*.test.ts', 'schema/**/*.test.ts'] },
      },
      {
        test: { name: 'node', include: ['{builder,sandbox,host}/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        test: { name: 'e2e', include: ['test/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 },
      },
    ],
  },
});
