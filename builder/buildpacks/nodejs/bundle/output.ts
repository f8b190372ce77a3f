import type { BuildResult } from 'esbuild';

/** What esbuild has made of one entry point, with its source map beside it. */
export function outputOf({ outputFiles = [] }: BuildResult): { code: Uint8Array; map: Uint8Array } {
  const map = outputFiles.find(({ path }) => path.endsWith('.map'));
  const code = outputFiles.find((file) => file !== map);
  if (code === undefined || map === undefined) throw new Error('esbuild made no output');
  const text = code.text.replace(toCommonJs, '$&Object.hasOwn(mod, "module.exports") ? mod["module.exports"] : ');
  return { code: text === code.text ? code.contents : new TextEncoder().encode(text), map: map.contents };
}

/**
 * esbuild's own function for what `require` of an ES module gives. It does not know the export that Node gives in place of
 * the module ("Modules: CommonJS modules", loading ES modules using `require()`).
 */
const toCommonJs = /^var __toCommonJS = \(mod\) => /m;
