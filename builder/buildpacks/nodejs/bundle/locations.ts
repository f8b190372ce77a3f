import { posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Loader, type TsconfigRaw, transform } from 'esbuild';
import { appRoot } from '../../../../schema/slug.ts';

const mention = /\b(?:__dirname|__filename|import\s*\.\s*meta|require\s*\.\s*main)\b/;

/** Whether source text speaks of its own place, and so may read files beside it. */
export function mentionsLocation(source: string): boolean {
  return mention.test(source);
}

/** `module` as a value, or one of its properties that Node.js sets and a bundle does not. */
const moduleMention = /(?<![.\w$])module\s*(?:[,)]|\.\s*(?:filename|id|require)\b)/;
/** The same by the name that the main module has everywhere. */
const mainMention = /\brequire\s*\.\s*main\s*\.\s*(?:filename|id|require)\b/;
const moduleSyntax = /^\s*(?:import\b(?!\s*\()|export\b)/m;

/**
 * Writes into a module's source what Node.js would tell it about its place, since a bundle has one place for all:
 * `__dirname`, `__filename`, `import.meta.url`, `.dirname`, `.filename`, `.main`, `.resolve`, `require.main`, and
 * of `module` its `filename`, `id` and `require`.
 *
 * @param place its path relative to the app's root
 * @param main whether it is the file that the process type runs
 * @param tsconfigRaw how the app's TypeScript behaves
 * @returns undefined where the source speaks of none of them
 * @throws esbuild's TransformFailure when it does not parse
 */
export async function locate(
  source: string,
  { place, loader, main, tsconfigRaw }: { place: string; loader: Loader; main: boolean; tsconfigRaw: TsconfigRaw },
): Promise<{ contents: string; loader: Loader } | undefined> {
  const isAsked = moduleMention.test(source) || (main && mainMention.test(source));
  const givesModule = isAsked && !moduleSyntax.test(source);
  if (!givesModule && !mentionsLocation(source)) return undefined;
  const filename = posix.join(appRoot, place);
  const dirname = posix.dirname(filename);
  const url = pathToFileURL(filename).href;
  const { code, map } = await transform(source, {
    loader,
    sourcefile: place,
    target: 'esnext',
    platform: 'node',
    supported: { decorators: false },
    tsconfigRaw,
    sourcemap: 'external',
    sourcesContent: false,
    // Only what needs a value here changes; JSX and types are for the bundle.
    jsx: loader.endsWith('x') ? 'preserve' : undefined,
    logLevel: 'silent',
    ...(givesModule && {
      banner: `module.filename = module.id = ${JSON.stringify(filename)}; module.require = require;`,
    }),
    define: {
      __filename: JSON.stringify(filename),
      __dirname: JSON.stringify(dirname),
      'import.meta.url': JSON.stringify(url),
      'import.meta.filename': JSON.stringify(filename),
      'import.meta.dirname': JSON.stringify(dirname),
      'import.meta.main': String(main),
      'import.meta.resolve': 'importMetaResolve',
      'import.meta': JSON.stringify({ url, filename, dirname, main }),
      ...(main && { 'require.main': 'module' }),
    },
  });
  return {
    contents: code + mapComment(map, place),
    loader: loader === 'ts' ? 'js' : loader === 'tsx' ? 'jsx' : loader,
  };
}

/** The bundle's own map leads through this one to the file itself, which is named relative to its directory. */
function mapComment(map: string, place: string): string {
  const relative = JSON.stringify({ ...JSON.parse(map), sources: [posix.basename(place)] });
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(relative).toString('base64')}\n`;
}
