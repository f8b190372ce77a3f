import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { officialBuildpacks } from '../../schema/buildpacks.ts';
import { BuildFailure } from '../failure.ts';
import { temporaryDirectory } from '../testing.ts';
import { buildpacks } from './index.ts';
import { listedBuildpacks } from './listed.ts';

const files = {
  '.buildpacks': '# ours\nhttps://github.com/heroku/heroku-buildpack-nodejs.git\n\nhttps://example.com/b.tgz\n',
  'project.toml':
    '[_]\nschema-version = "0.2"\n[[io.buildpacks.group]]\nid = "heroku/nodejs"\n[[io.buildpacks.group]]\nuri = "https://example.com/c.tgz"\n',
  'app.json': '{"buildpacks":[{"url":"heroku/nodejs"},{"url":"https://example.com/d.git"}]}',
};

async function listed(tree: Record<string, string>, { asked = [] as string[], config = {} } = {}) {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(tree)) await writeFile(join(directory, name), text);
  return listedBuildpacks(directory, asked, config);
}

test('every official buildpack is there', () => {
  expect(buildpacks.map(({ name }) => name).sort()).toEqual([...officialBuildpacks].sort());
});

test('what was asked for comes first, then BUILDPACK_URL, then the files of the app', async () => {
  const config = { BUILDPACK_URL: 'https://example.com/a.tgz' };
  expect(await listed(files, { asked: ['heroku/nodejs'], config })).toEqual(['heroku/nodejs']);
  expect(await listed(files, { config })).toEqual(['https://example.com/a.tgz']);
  expect(await listed(files)).toEqual(['heroku/nodejs', 'https://example.com/b.tgz']);
  const { 'app.json': json, 'project.toml': toml } = files;
  expect(await listed({ 'project.toml': toml, 'app.json': json })).toEqual([
    'heroku/nodejs',
    'https://example.com/c.tgz',
  ]);
  expect(await listed({ 'app.json': json })).toEqual(['heroku/nodejs', 'https://example.com/d.git']);
  expect(await listed({ 'app.json': '{"name":"x"}', '.buildpacks': '\n', 'project.toml': '' })).toEqual([]);
});

test('older project descriptors', async () => {
  expect(await listed({ 'project.toml': '[[build.buildpacks]]\nid = "heroku/nodejs"\n' })).toEqual(['heroku/nodejs']);
});

test.for<[string, Record<string, string>, string]>([
  ['an unknown name', { '.buildpacks': 'heroku/cobol' }, '.buildpacks: There is no buildpack heroku/cobol here.'],
  ['an inline buildpack', { 'project.toml': '[[io.buildpacks.group]]\n' }, 'project.toml: "" is no buildpack'],
  ['TOML that is none', { 'project.toml': 'a = = b' }, 'project.toml cannot be read: '],
  ['JSON that is none', { 'app.json': '{' }, 'app.json cannot be read: '],
  ['another form', { 'app.json': '{"buildpacks":["heroku/nodejs"]}' }, 'app.json is wrong at buildpacks.0: '],
  ['a large file', { 'app.json': ' '.repeat(300_000) }, 'app.json is longer than 256 KB.'],
])('refused: %s', async ([, tree, message]) => {
  const refused = listed(tree);
  await expect(refused).rejects.toThrow(BuildFailure);
  await expect(refused).rejects.toThrow(message);
});
