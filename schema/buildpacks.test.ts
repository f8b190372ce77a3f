import { expect, it } from 'vitest';
import { buildpackName } from './buildpacks.ts';

it.each([
  'heroku/nodejs',
  'urn:buildpack:heroku/nodejs',
  'https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/nodejs.tgz',
  'https://codon-buildpacks.s3.amazonaws.com/buildpacks/heroku/nodejs.tgz',
  'https://github.com/heroku/heroku-buildpack-nodejs',
  'https://github.com/heroku/heroku-buildpack-nodejs.git',
])('knows %s as the official one', (text) => {
  expect(buildpackName(text)).toEqual({ name: 'heroku/nodejs' });
});

it.each([
  'https://github.com/someone/buildpack.git#v2',
  'https://github.com/heroku/heroku-buildpack-apt',
  'https://buildpack-registry.s3.amazonaws.com/buildpacks/someone/apt.tgz',
])('leaves %s as it is', (text) => {
  expect(buildpackName(text)).toEqual({ name: text });
});

it.each([
  ['heroku/cobol', 'There is no buildpack heroku/cobol here. There are heroku/go, heroku/nodejs, '],
  ['urn:buildpack:heroku/cobol', 'There is no buildpack heroku/cobol here.'],
  ['git@github.com:someone/buildpack.git', '"git@github.com:someone/buildpack.git" is no buildpack'],
  ['file:///etc/passwd', '"file:///etc/passwd" is no buildpack'],
  ['', '"" is no buildpack'],
])('refuses %s', (text, refused) => {
  expect(buildpackName(text)).toEqual({ refused: expect.stringContaining(refused) });
});
