import { expect, it } from 'vitest';
import { applyHeaders, parseHeaders, parseRedirects, redirectOf } from './rules.ts';

const fail = (problem: string) => {
  throw new Error(problem);
};

it('redirects by the first rule that fits', () => {
  const redirects = parseRedirects(
    '# moved\n/old /new\n/docs/* https://docs.example/:splat 301\n/u/:user/p/:post /:post?by=:user 308\n/app/* /index.html 200\n',
    fail,
  );
  expect(redirectOf('/old', redirects)).toEqual({ to: '/new', status: 302 });
  expect(redirectOf('/docs/a/b c', redirects)).toEqual({ to: 'https://docs.example/a/b%20c', status: 301 });
  expect(redirectOf('/u/ada/p/1', redirects)).toEqual({ to: '/1?by=ada', status: 308 });
  expect(redirectOf('/app/deep/link', redirects)).toEqual({ to: '/index.html', status: 200 });
  expect(redirectOf('/older', redirects)).toBeUndefined();
});

it('never redirects to another host by what a client asks for', () => {
  const redirects = parseRedirects('/go/* /:splat', fail);
  expect(redirectOf('/go//evil.example/', redirects)).toEqual({ to: '/evil.example/', status: 302 });
  expect(redirectOf('/go/a\r\nset-cookie: b', redirects)?.to).toBe('/a%0D%0Aset-cookie:%20b');
});

it('names the line of a redirect that cannot be read', () => {
  const problems: string[] = [];
  const report = (problem: string) => problems.push(problem);
  expect(parseRedirects('/a\nb /c\n/d /e 418\n/f https://example.com/ 200\n', report)).toEqual([]);
  expect(problems).toEqual([
    '_redirects, line 1: a redirect is a path, a destination and at most a status',
    '_redirects, line 2: b does not begin with a slash',
    '_redirects, line 3: 418 is none of the statuses 200, 301, 302, 303, 307, 308',
    '_redirects, line 4: only a path of this site can be served in place of another',
  ]);
});

it('adds, replaces and removes headers', () => {
  const rules = parseHeaders(
    '/*\n  X-Frame-Options: DENY\n/assets/*\n  Cache-Control: max-age=31536000\n  ! X-Frame-Options\n  X-File: :splat\n',
    fail,
  );
  const headers = new Headers({ 'cache-control': 'max-age=0' });
  applyHeaders(headers, '/assets/a.js', rules);
  expect(Object.fromEntries(headers)).toEqual({ 'cache-control': 'max-age=31536000', 'x-file': 'a.js' });
});

it('names the line of a header that cannot be read', () => {
  const problems: string[] = [];
  const report = (problem: string) => problems.push(problem);
  parseHeaders('  X-A: b\nhttps://example.com/\n/c\n  no colon\n', report);
  expect(problems).toEqual([
    '_headers, line 1: below a path stand lines of the form `Name: value`',
    '_headers, line 2: a rule begins with a path',
    '_headers, line 4: below a path stand lines of the form `Name: value`',
  ]);
});

it('takes no long time for a path that almost fits', () => {
  const redirects = parseRedirects(`/${'*a'.repeat(50)}b /c`, fail);
  expect(redirectOf(`/${'a'.repeat(10_000)}`, redirects)).toBeUndefined();
});
