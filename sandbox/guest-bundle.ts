/** The inside of the machine as one script: guest/ with everything it needs, bundled once and kept by its content. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

let bundle: Promise<string> | undefined;

/** Source of the machine's main module. Bundling takes half a second, once a process. */
export function bundleGuest(): Promise<string> {
  bundle ??= buildGuest();
  return bundle;
}

async function buildGuest(): Promise<string> {
  const nodeModules = ['buffer', 'events', 'path', 'process', 'stream', 'url', 'util'];
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('guest/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'esnext',
    conditions: ['workerd', 'browser'],
    mainFields: ['module', 'main'],
    external: ['node:*', '@mongodb-js/zstd', 'node-liblzma'],
    alias: Object.fromEntries(nodeModules.map((name) => [name, `node:${name}`])),
    banner: {
      js: "import{createRequire as $createRequire}from'node:module';const require=$createRequire('file:///');",
    },
    legalComments: 'none',
    minifyWhitespace: true,
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
