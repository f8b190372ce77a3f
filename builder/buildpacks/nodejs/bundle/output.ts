import type { BuildResult } from 'esbuild';

/** What esbuild has made of one entry point, with its source map beside it. */
export function outputOf({ outputFiles = [] }: BuildResult): { code: Uint8Array; map: Uint8Array } {
  const map = outputFiles.find(({ path }) => path.endsWith('.map'));
  const code = outputFiles.find((file) => file !== map);
  if (code === undefined || map === undefined) throw new Error('esbuild made no output');
  return { code: code.contents, map: map.contents };
}
