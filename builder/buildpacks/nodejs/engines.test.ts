import { expect, test } from 'vitest';
import { BuildLog } from '../../log.ts';
import { nodeVersion, reportEngines } from './engines.ts';

function report(packageJson: Parameters<typeof reportEngines>[0]): string {
  let output = '';
  const log = new BuildLog((text) => {
    output += text;
  });
  reportEngines(packageJson, log);
  return output;
}

test('what the app asks for is written as it is', () => {
  expect(report({ engines: { node: '22.x', pnpm: '10.x' }, packageManager: 'pnpm@10.20.0' })).toBe(
    [
      'engines.node (package.json):   22.x',
      'engines.npm (package.json):    unspecified (use default)',
      'engines.pnpm (package.json):   10.x',
      'packageManager (package.json): pnpm@10.20.0',
      '',
      `Using Node.js ${nodeVersion} as workerd implements it`,
      '',
    ]
      .map((line) => `       ${line}\n`)
      .join(''),
  );
});

test('a Node.js that there is not is a warning', () => {
  expect(report({ engines: { node: '18.x' } })).toContain(' !     package.json asks for Node.js 18.x.');
});
