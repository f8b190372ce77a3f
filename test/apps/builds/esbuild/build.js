import { writeFile } from 'node:fs/promises';
import { build, context } from 'esbuild';

const common = { bundle: true, minify: true, metafile: true, sourcemap: true };
const client = await build({ ...common, entryPoints: ['src/client.tsx'], outdir: 'dist/public', jsxFactory: 'h' });
const server = await context({
  ...common,
  entryPoints: ['src/server.ts'],
  outfile: 'dist/server.js',
  platform: 'node',
  format: 'esm',
  define: { BUILT_WITH: JSON.stringify(process.version) },
  plugins: [
    {
      name: 'greeting',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^greeting$/ }, ({ path }) => ({ path, namespace: 'greeting' }));
        onLoad({ filter: /.*/, namespace: 'greeting' }, () => ({ contents: 'export default "made by a plug-in"' }));
      },
    },
  ],
});
await server.rebuild();
await server.dispose();
await writeFile('dist/meta.json', JSON.stringify(client.metafile));
