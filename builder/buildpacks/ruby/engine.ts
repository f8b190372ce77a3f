import { join } from 'node:path';
import type { BuildContext } from '../buildpack.ts';

/** CRuby with its standard library, as the project ruby.wasm builds and publishes it. */
export const ENGINE = {
  ruby: '4.0.0',
  bundler: '4.0.3',
  package: {
    name: '@ruby/4.0-wasm-wasi',
    version: '2.10.1',
    integrity: 'sha512-ObIFKo4CyXJFWtJU2BRnrnvWA4YZEY9wYEVGCiVZVQ1fZ0Ox4PJuUJT0+Z7FKQ3vAVI75ymddknYEV0zPHKDpw==',
  },
  file: 'dist/ruby+stdlib.wasm',
};

/** The engine's file on this host; the first build of a Ruby app downloads it. */
export async function engineFile({ store, settings, signal }: BuildContext): Promise<string> {
  const { directory } = await store.get(ENGINE.package, settings, signal);
  return join(directory, ENGINE.file);
}
