import { expect, test } from 'vitest';
import { buildsBeforeStart, splitStart } from './build-before-start.ts';

test.for([
  ['npm run build && node dist/server.js', ['npm run build'], 'node dist/server.js'],
  [
    'yarn build:ts && tsc -p tsconfig.json && fastify start dist/app.js',
    ['yarn build:ts', 'tsc -p tsconfig.json'],
    'fastify start dist/app.js',
  ],
  ['prisma migrate deploy && node server.js', [], 'prisma migrate deploy && node server.js'],
  ['npm run build; node server.js', [], 'npm run build; node server.js'],
  ['tsc --outDir $(pwd) && node server.js', [], 'tsc --outDir $(pwd) && node server.js'],
  ['node server.js', [], 'node server.js'],
] as const)('%s', ([command, before, rest]) => {
  expect(splitStart(command)).toEqual({ before, rest });
});

test('what the build script has made is not made again', () => {
  const commands = ['npm run build && npm run build:css && node a.js', 'npm run build:css && node a.js', undefined];
  expect(buildsBeforeStart(commands, 'build')).toEqual(['npm run build:css']);
  expect(buildsBeforeStart(commands, undefined)).toEqual(['npm run build', 'npm run build:css']);
});
