/**
 * Packages whose machine code has no build for WebAssembly under the same interface, or that cannot do without what an
 * isolate does not have. In their place comes a small one of Islet's, from the folder `substitutes`, which gives that interface and has what does the work in its `node_modules`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { materialize } from './install.ts';
import type { RegistrySettings } from './settings.ts';
import type { PackageStore } from './store.ts';

interface Part {
  name: string;
  /** That of the package itself by default. */
  version?: string;
  /** Those it needs; all by default. */
  files?: readonly string[];
}

const parts: Record<string, readonly Part[]> = {
  '@swc/core': [{ name: '@swc/wasm' }],
  '@ast-grep/napi': [
    { name: '@ast-grep/wasm', version: '0.45.3', files: ['package.json', 'wasm_bg.js', 'wasm_bg.wasm'] },
    {
      name: 'web-tree-sitter',
      version: '0.26.13',
      files: ['package.json', 'web-tree-sitter.js', 'web-tree-sitter.wasm'],
    },
    {
      name: 'tree-sitter-typescript',
      version: '0.23.2',
      files: ['package.json', 'tree-sitter-typescript.wasm', 'tree-sitter-tsx.wasm'],
    },
  ],
  // What sharp calls; the machine does the work.
  '@img/sharp-wasm32': [],
  // It has no machine code, and needs a thread.
  'thread-stream': [],
};

const directory = fileURLToPath(new URL('substitutes', import.meta.url));

/** A package of a lock to put a substitute in the place of. */
export interface Substitute {
  name: string;
  version: string;
  place: string;
  /** Whether only development needs it. */
  dev: boolean;
}

export const hasSubstitute = (name: string): boolean => Object.hasOwn(parts, name);

/** What a substitute runs on, for the log: `@swc/wasm`. */
export const substituteBy = (name: string): string | undefined => parts[name]?.[0]?.name;

/**
 * Puts a substitute into a tree.
 *
 * @throws BuildFailure when the registry has not what it runs on
 */
export async function installSubstitute(
  { name, version, place }: Substitute,
  tree: string,
  { store, settings, signal }: { store: PackageStore; settings: RegistrySettings; signal: AbortSignal },
): Promise<void> {
  const target = join(tree, place);
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(join(directory, name))) {
    const text = readFileSync(join(directory, name, file), 'utf8');
    const manifest = file === 'package.json' ? JSON.stringify({ ...JSON.parse(text), version }) : undefined;
    writeFileSync(join(target, file), manifest ?? text);
  }
  for (const part of parts[name] ?? []) {
    const pinned = { name: part.name, version: part.version ?? version, orEarlier: true };
    const stored = await store.get(pinned, settings, signal);
    materialize({ ...stored, files: [...(part.files ?? stored.files)] }, join(target, 'node_modules', part.name));
  }
}
