import { expect, it } from 'vitest';
import type { Scope } from '../../schema/tables.ts';
import { isAllowed } from './scopes.ts';

it.each<[Scope, string, string, boolean]>([
  ['global', 'DELETE', '/apps/a', true],
  ['identity', 'GET', '/account', true],
  ['identity', 'GET', '/apps', false],
  ['read', 'GET', '/apps/a', true],
  ['read', 'POST', '/a.git/git-upload-pack', true],
  ['read', 'POST', '/a.git/git-receive-pack', false],
  ['read', 'GET', '/apps/a/config-vars', false],
  ['read', 'PATCH', '/apps/a', false],
  ['read-protected', 'GET', '/apps/a/config-vars', true],
  ['read-protected', 'PATCH', '/apps/a/config-vars', false],
  ['write', 'PATCH', '/apps/a', true],
  ['write', 'GET', '/apps/a', true],
  ['write', 'PATCH', '/apps/a/config-vars', false],
  ['write-protected', 'PATCH', '/apps/a/config-vars', true],
  ['write-protected', 'POST', '/oauth/authorizations', false],
  ['read', 'GET', '/oauth/authorizations', false],
])('%s: %s %s %s', (scope, method, path, allowed) => {
  expect(isAllowed([scope], method, path)).toBe(allowed);
});

it('allows nothing to a token without scopes', () => {
  expect(isAllowed([], 'GET', '/account')).toBe(false);
});
