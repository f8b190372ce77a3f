import process from 'node:process';
import { appRoot } from '../../../../schema/app-root.ts';
import { exit } from './errors.ts';

/** Lets packages take this for Node.js, which it is to them: pg, for one, asks for Cloudflare's sockets otherwise. */
export function nameNode(): void {
  const [major] = process.versions.node.split('.');
  const navigator = {
    userAgent: `Node.js/${major}`,
    language: 'en-US',
    languages: ['en-US'],
    platform: 'linux',
    hardwareConcurrency: 1,
  };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
}

/** Makes `process` that of `node <argv…>` in the app's tree. */
export function prepareProcess(argv: string[]): void {
  process.argv = ['/usr/local/bin/node', ...argv];
  process.chdir(appRoot);
  Object.assign(process, { argv0: 'node', execPath: '/usr/local/bin/node', title: 'node', exit, reallyExit: exit });
}
