/** Runs inside a machine: the app's tree as an engine with files of its own sees it while it runs a program. */
import { mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { appRoot } from '../schema/app-root.ts';

/** Where a machine has the app. */
export const TREE = '/app';

/** The files of an engine, by absolute paths. */
export interface EngineFiles {
  makeDirectory(path: string): void;
  /** @param bytes are the engine's from then on */
  write(path: string, bytes: Uint8Array): void;
  /** Every file below a directory. */
  list(directory: string): Iterable<readonly [path: string, bytes: Uint8Array]>;
}

/** The app's tree, copied into an engine at its root there, and back. */
export class TreeCopy {
  readonly #files: EngineFiles;
  readonly #skipped: (path: string) => boolean;
  readonly #before = new Map<string, Uint8Array>();

  /** @param skipped tells of a path below the tree that what the program does to it is not kept */
  constructor(files: EngineFiles, { skipped = () => false }: { skipped?(path: string): boolean } = {}) {
    this.#files = files;
    this.#skipped = skipped;
    this.#takeIn('');
  }

  /** Writes what the program has made or changed into the machine, and deletes what it deleted. */
  giveBack(): void {
    const deleted = new Set(this.#before.keys());
    for (const [place, bytes] of this.#files.list(appRoot)) {
      const path = relative(appRoot, place);
      deleted.delete(path);
      const known = this.#before.get(path);
      if (this.#skipped(path) || (known && Buffer.compare(known, bytes) === 0)) continue;
      mkdirSync(dirname(join(TREE, path)), { recursive: true });
      writeFileSync(join(TREE, path), bytes);
    }
    for (const path of deleted) if (!this.#skipped(path)) unlinkSync(join(TREE, path));
  }

  #takeIn(directory: string): void {
    this.#files.makeDirectory(join(appRoot, directory));
    for (const name of readdirSync(join(TREE, directory))) {
      const path = join(directory, name);
      const stat = statSync(join(TREE, path), { throwIfNoEntry: false });
      if (stat?.isDirectory()) this.#takeIn(path);
      else if (stat) {
        const bytes = readFileSync(join(TREE, path));
        this.#before.set(path, bytes);
        // A copy, and no Buffer: engines write into what they are given, or into what they take for a slice of it.
        this.#files.write(join(appRoot, path), new Uint8Array(bytes));
      }
    }
  }
}
