// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables as npm writes them
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BuildFailure } from '../failure.ts';
import { temporaryDirectory } from '../testing.ts';
import { projectSettings } from './npmrc.ts';
import { PublicAgent } from './public-agent.ts';

const host = { registry: 'https://registry.example/', '//registry.example/:_authToken': 'host' };

function settingsOf(npmrc: string, config: Record<string, string> = {}) {
  const tree = temporaryDirectory();
  writeFileSync(join(tree, '.npmrc'), npmrc);
  return projectSettings(tree, config, host);
}

test('registries by scope, tokens from config vars', async () => {
  const npmrc = '@acme:registry=https://npm.acme.example\n//npm.acme.example/:_authToken=${NPM_TOKEN}\n';
  expect(await settingsOf(npmrc, { NPM_TOKEN: 's3cret' })).toEqual({
    ...host,
    '@acme:registry': 'https://npm.acme.example/',
    '//npm.acme.example/:_authToken': 's3cret',
    agent: expect.any(PublicAgent),
  });
});

test('settings that reach into this host do not count', async () => {
  expect(await settingsOf('cafile=/etc/shadow\nproxy=http://127.0.0.1:1\nca=x\ncache=/\nsave-exact=true')).toEqual(
    host,
  );
});

test('the environment of this process is not the app’s', async () => {
  process.env.ISLET_TEST_SECRET = 'leak';
  await expect(settingsOf('//a.example/:_authToken=${ISLET_TEST_SECRET}')).rejects.toThrow(
    '.npmrc needs the config var ISLET_TEST_SECRET, which is not set.',
  );
  expect(await settingsOf('//a.example/:_authToken=${ISLET_TEST_SECRET?}')).toMatchObject({
    '//a.example/:_authToken': '',
  });
  delete process.env.ISLET_TEST_SECRET;
});

test.for(['http://a.example/', 'file:///etc/', 'a.example'])('no registry: %s', async (address) => {
  await expect(settingsOf(`registry=${address}`)).rejects.toThrow(BuildFailure);
});
