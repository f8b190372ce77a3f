import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, expect, it, vi } from 'vitest';
import { pyodideForWorkers } from '../../../edge/runtimes/python/pyodide-plugin.ts';
import { engineFiles } from './engine.ts';

const ENGINE = fileURLToPath(new URL('../../../edge/runtimes/python/adapter/engine.ts', import.meta.url));
/** Node's own, which its types leave out. */
const native = (globalThis as unknown as { WebAssembly: Record<string, (...args: unknown[]) => Promise<unknown>> })
  .WebAssembly;

afterEach(() => {
  vi.unstubAllGlobals();
});

it('starts where nothing is ever compiled in the background, as in an isolate that nothing else enters', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'islet-python-'));
  try {
    const outfile = join(directory, 'engine.mjs');
    await build({
      entryPoints: [ENGINE],
      outfile,
      bundle: true,
      format: 'esm',
      conditions: ['workerd', 'worker'],
      external: ['node:*'],
      plugins: [pyodideForWorkers],
    });
    const [wasm, stdlib] = await Promise.all([...engineFiles().values()].map((file) => readFile(file)));
    const module = await native.compile?.(wasm);
    const never = (): Promise<never> => new Promise(() => {});
    // What the engine takes workerd by.
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' });
    vi.stubGlobal('WorkerGlobalScope', Object);
    vi.stubGlobal(
      'WebAssembly',
      Object.create(native, {
        compile: { value: never },
        instantiate: {
          value: (source: unknown, imports: unknown) =>
            source === module ? native.instantiate?.(source, imports) : never(),
        },
        instantiateStreaming: { value: never, writable: true },
      }),
    );
    const { startEngine } = await import(outfile);
    const python = await startEngine({
      module,
      stdlib: new Uint8Array(stdlib ?? []).buffer,
      env: {},
      onOutput: () => {},
    });
    expect(python.runPython('6 * 7')).toBe(42);
  } finally {
    await rm(directory, { recursive: true });
  }
});
