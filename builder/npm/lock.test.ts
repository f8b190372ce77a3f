import { expect, it } from 'vitest';
import { temporaryDirectory } from '../testing.ts';
import type { Web } from '../web.ts';
import { install } from './install.ts';
import { lock } from './lock.ts';
import { PackageStore } from './store.ts';

it('reads the one name that some packages give in place of a list', () => {
  const entry = { version: '1.0.0', libc: 'glibc', os: ['linux'] };
  const { packages } = lock.parse({ lockfileVersion: 3, packages: { 'node_modules/a': entry } });
  expect(packages['node_modules/a']).toMatchObject({ libc: ['glibc'], os: ['linux'] });
});

it('installs nothing that nothing asks for', async () => {
  const leftover = { version: '2.3.3', os: ['darwin'], extraneous: true };
  const parsed = lock.parse({ lockfileVersion: 3, packages: { 'node_modules/fsevents': leftover } });
  const directory = temporaryDirectory();
  const installed = await install(parsed, directory, {
    store: new PackageStore(directory),
    settings: {} as never,
    web: {} as Web,
    scratch: directory,
    development: true,
    signal: AbortSignal.timeout(10_000),
  });
  expect(installed.packages).toBe(0);
});
