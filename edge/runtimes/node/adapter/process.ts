import process from 'node:process';
import { appRoot } from '../../../../schema/app-root.ts';
import { exit } from './errors.ts';

/** Makes `process` that of `node <argv…>` in the app's tree. */
export function prepareProcess(argv: string[]): void {
  process.argv = ['/usr/local/bin/node', ...argv];
  process.chdir(appRoot);
  Object.assign(process, { argv0: 'node', execPath: '/usr/local/bin/node', title: 'node', exit, reallyExit: exit });
}
