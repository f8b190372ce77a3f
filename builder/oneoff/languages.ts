/** What the machine of a one-off dyno has beside the app's tree, by the language of its slug. */
import type { TreeEntry } from '../../sandbox/index.ts';
import type { SlugManifest } from '../../schema/slug.ts';
import { goPrograms } from '../buildpacks/go/machine.ts';
import { BIN as COMPOSER_BIN, phpPrograms } from '../buildpacks/php/machine.ts';
import { BIN } from '../buildpacks/python/commands.ts';
import { pythonPrograms } from '../buildpacks/python/machine.ts';
import { BIN as BINSTUBS } from '../buildpacks/ruby/binstubs.ts';
import { rubyPrograms } from '../buildpacks/ruby/machine.ts';

export interface SlugParts {
  /** Modules that the slug shares with others, by their names in the manifest. */
  shared: ReadonlyMap<string, Uint8Array>;
  /** Its own modules, by their path below `code/`. */
  code: ReadonlyMap<string, Uint8Array>;
}

interface Language {
  programs(parts: SlugParts): Promise<TreeEntry[]>;
  /** Where the app's own commands are, relative to its root. */
  path?: string;
}

const languages: Partial<Record<SlugManifest['runtime'], Language>> = {
  python: { programs: ({ shared }) => pythonPrograms(shared), path: BIN },
  go: { programs: goPrograms },
  php: { programs: phpPrograms, path: COMPOSER_BIN },
  ruby: {
    programs: async ({ shared }) => rubyPrograms(shared.get('ruby.wasm') ?? new Uint8Array()),
    path: BINSTUBS,
  },
};

export const languageOf = ({ runtime }: SlugManifest): Language | undefined => languages[runtime];
