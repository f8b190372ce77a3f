// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables as Yarn writes them
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../testing.ts';
import { projectSettings } from './npmrc.ts';

const host = { registry: 'https://registry.example/' };

function settingsOf(yarnrc: string, config: Record<string, string> = {}) {
  const tree = temporaryDirectory();
  writeFileSync(join(tree, '.yarnrc.yml'), yarnrc);
  return projectSettings(tree, config, host);
}

test('registries by scope, tokens from config vars', async () => {
  const yarnrc = `
nodeLinker: pnp
npmRegistryServer: https://a.example
npmScopes:
  acme:
    npmRegistryServer: https://npm.acme.example/path/
    npmAuthToken: "\${NPM_TOKEN:-none}"
npmRegistries:
  //b.example:
    npmAuthIdent: "ada:secret"
enableScripts: false
`;
  expect(await settingsOf(yarnrc, { NPM_TOKEN: 's3cret' })).toMatchObject({
    registry: 'https://a.example/',
    '@acme:registry': 'https://npm.acme.example/path/',
    '//npm.acme.example/path/:_authToken': 's3cret',
    '//b.example/:_auth': Buffer.from('ada:secret').toString('base64'),
    ignoreScripts: true,
  });
  expect(await settingsOf(yarnrc)).toMatchObject({ '//npm.acme.example/path/:_authToken': 'none' });
});

test('one that is damaged', async () => {
  await expect(settingsOf('npmScopes: [')).rejects.toThrow('.yarnrc.yml cannot be read.');
  await expect(settingsOf('npmRegistryServer: http://127.0.0.1:1')).rejects.toThrow('not an https address');
});
