import type { Scope } from '../../schema/tables.ts';

/** Config vars and what is like them: `read` and `write` alone do not reach it. */
const PROTECTED = /\/config-vars$/;

/**
 * Whether scopes allow a request, as Heroku's "OAuth", "Scopes": `identity` reads the account alone; `read` and `write`
 * stop at config vars; whoever writes also reads.
 */
export function isAllowed(scope: Scope[], method: string, path: string): boolean {
  if (scope.includes('global')) return true;
  const reads =
    method === 'GET' || method === 'HEAD' || path.endsWith('/git-upload-pack') || path.endsWith('/log-sessions');
  if ((path === '/account' || path === '/users/~') && reads && scope.length > 0) return true;
  // Tokens make tokens, and users make users: only what may do everything may.
  if (path.startsWith('/oauth/') || (path.startsWith('/users') && path !== '/users/~/apps')) return false;
  const enough: Scope[] = ['write-protected'];
  if (reads) enough.push('read-protected');
  if (!PROTECTED.test(path)) enough.push('write', ...(reads ? (['read'] as const) : []));
  return scope.some((one) => enough.includes(one));
}
