import { expect, it } from 'vitest';
import { chooseVersion, installSpec, wantedVersion } from './version.ts';

const chosen = (goMod: string, config: Record<string, string> = {}) =>
  chooseVersion(wantedVersion(goMod, config), '1.26.8');

it.each([
  ['module example.com/a\n', '1.26.8'],
  ['module example.com/a\n\ngo 1.22\n', '1.26.8'],
  ['module example.com/a\n\ngo 1.17\n', '1.26.8'],
  ['// +heroku goVersion go1.17.3\n', 'from 1.24 on'],
  ['module example.com/a\n\ngo 1.27\n', '1.27.0'],
  ['module example.com/a\n\ngo 1.25.0\n\ntoolchain go1.26.9\n', '1.26.9'],
  ['module example.com/a\n\ngo 1.25.0\n\ntoolchain go1.25.4\n', '1.26.8'],
  ['// +heroku goVersion go1.25.4\ngo 1.22\n', '1.25.4'],
  ['// +heroku goVersion go1.26\ngo 1.22\n', '1.26.8'],
  ['// +heroku goVersion go1.25\n', '1.25.0'],
  ['// +heroku goVersion latest\n', 'no version of Go'],
])('%j', (goMod, expected) => {
  let found: string;
  try {
    found = chosen(goMod);
  } catch (error) {
    found = (error as Error).message;
  }
  expect(found).toContain(expected);
});

it('takes GOVERSION before what go.mod says', () => {
  expect(chosen('// +heroku goVersion go1.25.4\n', { GOVERSION: 'go1.24.2' })).toBe('1.24.2');
});

it('knows what to install', () => {
  expect(installSpec('module a\n// +heroku install ./cmd/... ./tools/x\n', {})).toEqual(['./cmd/...', './tools/x']);
  expect(installSpec('module a\n', { GO_INSTALL_PACKAGE_SPEC: './web' })).toEqual(['./web']);
  expect(installSpec('module a\n', {})).toBeUndefined();
});
