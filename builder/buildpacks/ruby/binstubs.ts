/** Commands of an app's gems, as `bundle binstubs --all --standalone` makes them. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { BUNDLE, type PlacedGem } from './install.ts';

/** Where they are in the app. */
export const BIN = `${BUNDLE}/bin`;

/** A name of a file that a shell finds by it. */
const COMMAND = /^[\w.-]+$/;

/** Writes them; what a gem says that it has and does not have is left out. */
export async function writeBinstubs(gems: readonly PlacedGem[], tree: string): Promise<void> {
  await mkdir(join(tree, BIN), { recursive: true });
  for (const { directory, executables } of gems) {
    for (const executable of executables) {
      const name = basename(executable);
      const file = join(directory, executable);
      if (!COMMAND.test(name) || !existsSync(join(tree, file))) continue;
      const path = relative(BIN, file);
      await writeFile(join(tree, BIN, name), `#!/usr/bin/env ruby\nload File.expand_path('${path}', __dir__)\n`, {
        mode: 0o755,
      });
    }
  }
}
