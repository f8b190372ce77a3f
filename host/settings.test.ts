import { expect, it } from 'vitest';
import { readSettings } from './settings.ts';

it('has defaults for everything', () => {
  const settings = readSettings({});
  expect(settings).toMatchObject({ port: 5000, host: undefined, apiKey: undefined, appsDomain: 'localhost' });
  expect(settings.dataDir).toMatch(/\.islet$/);
  expect(settings.runners).toBeGreaterThan(0);
});

it.each([
  [{ PORT: 'http' }, 'PORT is "http"'],
  [{ PORT: '70000' }, '1 to 65535'],
  [{ RUNNERS: '0' }, 'RUNNERS is "0"'],
  [{ RUNNERS: '1.5' }, 'RUNNERS is "1.5"'],
  [{ APPS_DOMAIN: 'Apps Example' }, 'APPS_DOMAIN is "Apps Example"'],
])('refuses %j', (env, message) => {
  expect(() => readSettings(env)).toThrow(message);
});
