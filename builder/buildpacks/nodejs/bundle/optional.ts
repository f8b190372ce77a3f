import { build, type Loader } from 'esbuild';

/**
 * Whether a file can do without a module that it requires: whether the `require` stands in a `try`, or the `import()`
 * has its rejection handled. It asks esbuild, which knows this of every import: in a bundle of that file alone, where
 * nothing but this module fails to resolve, that failure is an error or it is a warning.
 */
export async function isOptional(source: string, loader: Loader, module: string): Promise<boolean> {
  const result = await build({
    stdin: { contents: source, loader },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'only-one-fails',
        setup: ({ onResolve }) => {
          onResolve({ filter: /.*/ }, ({ path }) => (path === module ? undefined : { path, external: true }));
        },
      },
    ],
  }).catch(() => undefined);
  return result !== undefined;
}
