// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables as npm writes them
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BuildFailure } from '../failure.ts';
import { temporaryDirectory } from '../testing.ts';
import { audienceOf, projectSettings } from './npmrc.ts';
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
    ownCredentials: { '//npm.acme.example/:_authToken': 's3cret' },
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

test('config vars that are settings of npm win over the file', async () => {
  const npmrc = 'registry=https://a.example/\nignore-scripts=false\n';
  const config = { NPM_CONFIG_REGISTRY: 'https://b.example', npm_config_ignore_scripts: 'true' };
  expect(await settingsOf(npmrc, config)).toMatchObject({ registry: 'https://b.example/', ignoreScripts: true });
  await expect(settingsOf('', { NPM_CONFIG_REGISTRY: 'http://127.0.0.1/' })).rejects.toThrow('not an https address');
});

test('what is fetched with an app’s own token is for those who have it', async () => {
  const npmrc = '@acme:registry=https://npm.acme.example\n//npm.acme.example/:_authToken=${NPM_TOKEN}\n';
  const [one, same, other] = await Promise.all(['a', 'a', 'b'].map((token) => settingsOf(npmrc, { NPM_TOKEN: token })));
  if (!one || !same || !other) throw new Error('no settings');
  expect(audienceOf('@acme/x', one)).toBe(audienceOf('@acme/x', same));
  expect(audienceOf('@acme/x', one)).not.toBe(audienceOf('@acme/x', other));
  expect(audienceOf('ms', one)).toBeUndefined();
  expect(audienceOf('@acme/x', host)).toBeUndefined();
});
