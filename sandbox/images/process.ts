/**
 * The process that works on a machine's images, by sharp's build for WebAssembly. Its threads wait for each other, which
 * the machine's one thread cannot. It is started by index.ts and talks to it over the IPC channel of node:child_process.
 */
import { createRequire } from 'node:module';
import { type Packed, pack, unpack } from './values.ts';

export const operations = ['metadata', 'stats', 'pipeline'] as const;
export type Operation = (typeof operations)[number];

export interface ImageRequest {
  id: number;
  operation: Operation;
  options: Packed;
}

/** What the operation called back with, or what was wrong. */
export type ImageReport = { id: number; results: Packed } | { id: number; error: string };

type Callback = (error: Error | null, ...results: unknown[]) => void;
type Binding = Record<Operation, (options: object, done: Callback) => void>;

/** What names a file in the options of sharp and of its inputs. */
const fileNames = new Set(['file', 'fileOut', 'textFontfile']);

/** @throws Error when options, at whatever depth, name a file: only bytes come here */
function checkNoFiles(options: unknown): void {
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options)) return;
  for (const [name, value] of Object.entries(options)) {
    if (fileNames.has(name) && value !== '')
      throw new Error(`the engine for images has no files, and was given ${name}`);
    checkNoFiles(value);
  }
}

if (process.send) {
  const binding = createRequire(import.meta.url)('@img/sharp-wasm32/sharp.node') as Binding;
  const report = (message: ImageReport): void => void process.send?.(message);

  process.on('message', ({ id, operation, options }: ImageRequest) => {
    try {
      checkNoFiles(options.value);
      const given = { ...(unpack(options) as object), debuglog: () => {}, queueListener: () => {} };
      binding[operation](given, (error, ...results) =>
        report(error ? { id, error: error.message } : { id, results: pack(results) }),
      );
    } catch (error) {
      // What is left of the engine after a trap is not to be used again.
      if ((error as Error).name === 'RuntimeError') throw error;
      report({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
}
