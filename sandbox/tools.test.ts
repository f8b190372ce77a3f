/** Today's build tools, as they are published, in the machine. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyChanges, createSandbox, type Sandbox } from './index.ts';
import { runLine } from './testing.ts';

const run = promisify(execFile);

const project: Record<string, string> = {
  'package.json': JSON.stringify({
    name: 'site',
    version: '1.0.0',
    private: true,
    type: 'module',
    dependencies: { react: '19.2.0', 'react-dom': '19.2.0', vue: '3.5.24' },
    devDependencies: {
      '@sveltejs/adapter-static': '3.0.10',
      '@sveltejs/kit': '2.48.5',
      '@sveltejs/vite-plugin-svelte': '6.2.1',
      '@types/react': '19.2.2',
      '@types/react-dom': '19.2.2',
      '@vitejs/plugin-react': '5.1.0',
      '@vitejs/plugin-vue': '6.0.1',
      esbuild: 'npm:esbuild-wasm@0.25.12',
      rollup: 'npm:@rollup/wasm-node@4.53.3',
      svelte: '5.43.8',
      typescript: '5.9.3',
      vite: '7.2.4',
      webpack: '5.103.0',
      'webpack-cli': '6.0.1',
    },
    overrides: { esbuild: '$esbuild', rollup: '$rollup' },
    scripts: {
      typescript: 'tsc -p . --noEmit false --outDir out/tsc',
      broken: 'tsc --noEmit --strict --skipLibCheck --lib es2022 broken.ts',
      rollup: 'rollup src/main.js --file out/rollup.js --format es',
      webpack: 'webpack ./src/main.js --mode production -o out/webpack',
      esbuild: 'node esbuild.js',
      react: 'tsc && vite build --outDir out/react',
      vue: 'vite build --config vue.config.js',
      svelte: 'npm run build --prefix svelte',
    },
  }),
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib: ['es2022', 'dom'],
      module: 'esnext',
      moduleResolution: 'bundler',
      jsx: 'react-jsx',
      strict: true,
      skipLibCheck: true,
      types: [],
      noEmit: true,
    },
    include: ['src/*.ts', 'src/*.tsx'],
  }),
  'src/greet.ts': 'export const greet = (name: string): string => "hello " + name;\nconsole.log(greet("types"));\n',
  'src/main.js': `import { shout, unused } from './shout.js';\nconsole.log(shout('hello'));\n`,
  'src/shout.js': `export const shout = (text) => text.toUpperCase() + '!';\nexport const unused = 'never asked for';\n`,
  'broken.ts': 'const count: number = "text";\n',
  'esbuild.js': `import { build } from 'esbuild';
    const { metafile } = await build({ entryPoints: ['src/main.js'], bundle: true, minify: true, metafile: true, outfile: 'out/esbuild.js' });
    console.log(Object.keys(metafile.inputs).length, 'inputs');`,
  'index.html': '<div id="root"></div><script type="module" src="/src/app.tsx"></script>',
  'src/app.tsx': `import { useState } from 'react';
    import { createRoot } from 'react-dom/client';
    function Counter() { const [count, setCount] = useState<number>(0); return <button onClick={() => setCount(count + 1)}>clicked {count}</button>; }
    createRoot(document.getElementById('root') as HTMLElement).render(<Counter />);`,
  'vite.config.ts': `import react from '@vitejs/plugin-react'; import { defineConfig } from 'vite'; export default defineConfig({ plugins: [react()] });`,
  'vue.config.js': `import vue from '@vitejs/plugin-vue';
    export default { plugins: [vue()], build: { outDir: 'out/vue', rollupOptions: { input: 'src/vue.js' } } };`,
  'src/vue.js': `import { createApp } from 'vue'; import App from './App.vue'; createApp(App).mount('#root');`,
  'src/App.vue': `<script setup>import { ref } from 'vue'; const count = ref(0);</script>
    <template><button @click="count++">clicked {{ count }}</button></template>
    <style scoped>button { color: teal }</style>`,
  'svelte/package.json': JSON.stringify({ type: 'module', scripts: { build: 'vite build' } }),
  'svelte/svelte.config.js': `import adapter from '@sveltejs/adapter-static'; export default { kit: { adapter: adapter() } };`,
  'svelte/vite.config.js': `import { sveltekit } from '@sveltejs/kit/vite'; export default { plugins: [sveltekit()] };`,
  'svelte/src/app.html': '<html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
  'svelte/src/routes/+layout.js': 'export const prerender = true;',
  'svelte/src/routes/+page.svelte':
    '<script>let count = $state(2);</script><button onclick={() => count++}>clicked {count}</button>',
};

let directory: string;
let sandbox: Sandbox;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tools-test-'));
  for (const [path, content] of Object.entries(project)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', install, { cwd: directory, timeout: 100_000 });
  sandbox = await createSandbox({ limits: { wallMs: 60_000 } });
  await sandbox.importDirectory(directory, '/app');
}, 120_000);
afterAll(async () => {
  await sandbox.close();
  await rm(directory, { recursive: true });
});

/** Runs a package script, and puts what it made onto the host. */
async function build(script: string): Promise<string> {
  const { exit, stdout, stderr } = await runLine(sandbox, `npm run ${script}`);
  expect({ exit, output: exit.exitCode === 0 ? '' : stdout + stderr }).toEqual({
    exit: { exitCode: 0, signal: null },
    output: '',
  });
  await applyChanges(await sandbox.exportChanges('/app'), directory);
  return stdout;
}

const runByNode = async (path: string): Promise<string> =>
  (await run(process.execPath, [join(directory, path)], { timeout: 10_000 })).stdout;

test('tsc compiles', async () => {
  await build('typescript');
  expect(await runByNode('out/tsc/greet.js')).toBe('hello types\n');
});

test('tsc finds an error of types', async () => {
  const { exit, stdout } = await runLine(sandbox, 'npm run broken');
  expect(exit.exitCode).toBe(2);
  expect(stdout).toContain("error TS2322: Type 'string' is not assignable to type 'number'");
});

test('rollup bundles', async () => {
  await build('rollup');
  expect(await runByNode('out/rollup.js')).toBe('HELLO!\n');
  expect(await readFile(join(directory, 'out/rollup.js'), 'utf8')).not.toContain('never asked for');
});

test('webpack bundles and minifies', async () => {
  await build('webpack');
  expect(await runByNode('out/webpack/main.js')).toBe('HELLO!\n');
});

test('esbuild runs from a script of its own', async () => {
  expect(await build('esbuild')).toContain('2 inputs');
  expect(await runByNode('out/esbuild.js')).toBe('HELLO!\n');
});

test('vite builds React and TypeScript', async () => {
  expect(await build('react')).toContain('built in');
  expect(await readFile(join(directory, 'out/react/index.html'), 'utf8')).toMatch(/src="\/assets\/index-[\w-]+\.js"/);
});

test('vite builds Vue', async () => {
  expect(await build('vue')).toMatch(/out\/vue\/assets\/vue-[\w-]+\.css/);
});

test('SvelteKit prerenders a static site', async () => {
  await build('svelte');
  expect(await readFile(join(directory, 'svelte/build/index.html'), 'utf8')).toContain('clicked 2</button>');
});
