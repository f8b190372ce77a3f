import { dirname } from 'node:path';
import { appRoot } from '../../../../schema/app-root.ts';
import { requireFrom } from './require.ts';

/** What a bundle exports; see edge/runtimes/node/index.ts. */
export interface AppModule {
  (require: NodeJS.Require, module: NodeJS.Module, exports: unknown): Promise<void>;
  argv: string[];
}

/** Runs the app's main file to its end, which a server outlives. */
export async function run(app: AppModule): Promise<void> {
  const filename = app.argv[0] ?? `${appRoot}/index.js`;
  const require = requireFrom(dirname(filename));
  const module = { id: '.', filename, path: dirname(filename), exports: {}, loaded: false, children: [], require };
  require.main = module as unknown as NodeJS.Module;
  await app(require, require.main, module.exports);
  module.loaded = true;
}
