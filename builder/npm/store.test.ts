import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { BuildFailure } from '../failure.ts';
import { temporaryDirectory } from '../testing.ts';
import { type RegistrySettings, readHostSettings } from './settings.ts';
import { PackageStore } from './store.ts';

const ms = {
  name: 'ms',
  version: '2.1.3',
  integrity: 'sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==',
};
const never = new AbortController().signal;

let settings: RegistrySettings;
beforeAll(async () => {
  settings = await readHostSettings('/nonexistent');
});

/** Settings with which nothing can be fetched. */
const offline = (): RegistrySettings => ({ ...settings, registry: 'http://127.0.0.1:1/', fetchRetries: 0 });

test('a package is downloaded once, by however many want it', async () => {
  const store = new PackageStore(temporaryDirectory());
  const [first, second] = await Promise.all([store.get(ms, settings, never), store.get(ms, settings, never)]);
  expect(first?.files).toEqual(['index.js', 'license.md', 'package.json', 'readme.md']);
  expect(second?.directory).toBe(first?.directory);
  const again = await store.get(ms, offline(), never);
  expect(again).toMatchObject({ files: first?.files, bytes: first?.bytes, directory: first?.directory, fresh: false });
  expect(statSync(join(first?.directory ?? '', 'index.js')).mode & 0o777).toBe(0o644);
});

test.for([
  ['without a hash', undefined],
  ['by a weak hash', 'sha1-V0yBOM4dK1hh8LRFedut1gxmFbI='],
])('a version that is pinned %s is not asked for twice', async ([, integrity]) => {
  const store = new PackageStore(temporaryDirectory());
  const pinned = { ...ms, integrity };
  const { directory } = await store.get(pinned, settings, never);
  expect(readFileSync(join(directory, 'package.json'), 'utf8')).toContain('"version": "2.1.3"');
  expect(await store.get(pinned, settings, never)).toMatchObject({ directory, fresh: false });
});

test('other bytes than the pinned leave nothing in the store', async () => {
  const directory = temporaryDirectory();
  const store = new PackageStore(directory);
  for (const integrity of [`sha512-${Buffer.alloc(64, 7).toString('base64')}`, 'sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=']) {
    await expect(store.get({ ...ms, integrity }, settings, never)).rejects.toThrow(BuildFailure);
  }
  expect(readdirSync(directory)).toEqual([]);
});

test('an earlier version takes the place of one that is not there, where that is allowed', async () => {
  const store = new PackageStore(temporaryDirectory());
  const missing = { name: 'ms', version: '2.1.99' };
  await expect(store.get(missing, settings, never)).rejects.toThrow('No matching version found for ms@2.1.99.');
  const { directory } = await store.get({ ...missing, orEarlier: true }, settings, never);
  expect(readFileSync(join(directory, 'package.json'), 'utf8')).toContain('"version": "2.1.3"');
});

test('an archive whose names go by way of `.` is as good as any', async () => {
  const store = new PackageStore(temporaryDirectory());
  const { files } = await store.get({ name: '@rollup/plugin-json', version: '6.1.0' }, settings, never);
  expect(files).toContain('dist/cjs/index.js');
});

test('a package that was fetched with a token is not given to whoever knows its hash', async () => {
  const store = new PackageStore(temporaryDirectory());
  const key = `${settings.registry.replace(/^https?:/, '')}:_authToken`;
  const own = { ...settings, [key]: 'token', ownCredentials: { [key]: 'token' } };
  await store.get(ms, own, never);
  expect(await store.get(ms, { ...own, fetchRetries: 0 }, never)).toMatchObject({ fresh: false });
  expect(await store.get(ms, settings, never)).toMatchObject({ fresh: true });
});
