/** Sites that today's tools build from components. */

import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Platform } from '../support/platform.ts';
import { open } from '../support/request.ts';
import { named, pushApp } from './push.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(() => platform?.destroy());

const get = async (app: string, path = '/'): Promise<string> => {
  const { status, text } = await platform.app(app, path);
  expect({ path, status }).toEqual({ path, status: 200 });
  return text;
};

test('Vite 7 with React and TypeScript, served by `serve`', async () => {
  expect(await pushApp(platform, 'builds/vite-react')).toContain('modules transformed');
  const page = await get('vite-react');
  const script = await get('vite-react', named(page, /src="(\/assets\/index-[\w-]+\.js)"/));
  // Not by toContain, which would print all of the script.
  expect(script.includes('pressed ')).toBe(true);
  expect(script.includes('data:image/svg+xml')).toBe(true);
  expect(await get('vite-react', named(page, /href="(\/assets\/index-[\w-]+\.css)"/))).toContain('#639');
  expect(await get('vite-react', '/any/route')).toBe(page);
});

test('Vite 8 with Vue and Tailwind 4: rolldown, lightningcss and oxide as WebAssembly', async () => {
  expect(await pushApp(platform, 'builds/vite-vue-tailwind')).toContain('vite v8.');
  const page = await get('vite-vue-tailwind');
  expect(await get('vite-vue-tailwind', named(page, /src="(\/assets\/index-[\w-]+\.js)"/))).toMatch(/pressed /);
  const style = await get('vite-vue-tailwind', named(page, /href="(\/assets\/index-[\w-]+\.css)"/));
  expect(style).toMatch(/\.bg-sky-600\{background-color:/);
  expect(style).toMatch(/button\[data-v-\w+\]\{letter-spacing:\.3em\}/);
});

test('webpack 5 with Babel, Sass and code that is loaded later', async () => {
  const output = await pushApp(platform, 'builds/webpack');
  expect(output).toContain('compiled successfully');
  expect(output).toContain('Stored pack');
  const page = await get('webpack');
  expect(page).toContain('<title>Packed</title>');
  const script = await get('webpack', `/${named(page, /src=(main\.\w+\.js)/)}`);
  expect(script).toContain('"packed"');
  expect(script).not.toContain('never asked for');
  expect(await get('webpack', `/${named(page, /href=(main\.\w+\.css)/)}`)).toMatch(/body h1\{color:#c0ffee/);
});

test('Astro 7, whose compilers are addons in WebAssembly, and its images by sharp', async () => {
  expect(await pushApp(platform, 'builds/astro')).toContain('2 page(s) built');
  expect(await get('astro')).toContain('<li>1</li><li>4</li><li>9</li>');
  const image = await open(
    platform.port,
    'astro.localhost',
    named(await get('astro'), /src="(\/_astro\/[^"]+\.webp)"/),
  );
  const bytes = await buffer(image);
  // RFC 9649, section 2.5: the size of the frame of a lossy image.
  expect([bytes.readUInt16LE(26), bytes.readUInt16LE(28)]).toEqual([48, 32]);
  const post = await get('astro', '/posts/first/');
  expect(post).toMatch(/<h1[^>]*>First post<\/h1>/);
  expect(post).toContain('<strong>strong</strong>');
  expect(post).toMatch(/<pre class="astro-code/);
});

test('SvelteKit, prerendered', async () => {
  await pushApp(platform, 'builds/svelte');
  expect(await get('svelte')).toContain('pressed 2 times</button>');
  expect(await get('svelte', '/about')).toContain('<p>made while it was built</p>');
});

test('Next.js, exported: its compiler as WebAssembly, and webpack in place of Turbopack', async () => {
  expect(await pushApp(platform, 'builds/next')).toContain('Using @next/swc-wasm-nodejs@');
  const page = await get('next');
  expect(page).toMatch(/<button>pressed <!-- -->2<\/button>/);
  expect(await get('next', '/about')).toMatch(/<p>exported by Next\.js <!-- -->16\./);
  expect(await get('next', named(page, /src="(\/_next\/static\/chunks\/app\/page-[\w-]+\.js)"/))).toContain('pressed ');
});
