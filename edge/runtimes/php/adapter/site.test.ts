import { describe, expect, it } from 'vitest';
import { Site, type Target } from './site.ts';
import type { Site as Start } from './start.ts';

const WORDPRESS = `
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /
RewriteRule ^index\\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
</IfModule>
`;

const LARAVEL = `
RewriteEngine On
# Redirect trailing slashes if not a folder
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_URI} (.+)/$
RewriteRule ^ %1 [L,R=301]
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^ index.php [L]
`;

function site(files: Record<string, string>, start: Partial<Start> = {}): (path: string) => Target {
  const problems: string[] = [];
  const paths = Object.keys(files);
  const made = new Site(
    { server: 'apache2', root: '', extensions: [], libraries: [], standIns: [], ini: '', ...start },
    '/tmp/app',
    {
      isFile: (path) => paths.includes(path),
      isDirectory: (path) => paths.some((file) => file.startsWith(path.replace(/\/?$/, '/'))),
      read: (path) => files[path],
    },
    (problem) => problems.push(problem),
  );
  return (path) => {
    const url = new URL(path, 'http://shop.localhost');
    const target = made.route(url, { REQUEST_URI: path, HTTP_HOST: 'shop.localhost', REQUEST_METHOD: 'GET' });
    expect(problems).toEqual([]);
    return target;
  };
}

const script = (name: string, pathInfo = '', search = '') => ({
  script: { file: `/tmp/app${name}`, name, pathInfo },
  url: expect.objectContaining({ search }),
});

describe('without rules', () => {
  const route = site({ '/index.php': '', '/docs/index.html': '', '/a b.txt': '', '/.env': '', '/lib/x.php': '' });

  it.each<[string, unknown]>([
    ['/', script('/index.php')],
    ['/index.php/users/1?page=2', script('/index.php', '/users/1', '?page=2')],
    ['/lib/x.php', script('/lib/x.php')],
    ['/docs', { redirect: '/docs/', status: 301 }],
    ['/docs/', { file: '/docs/index.html' }],
    ['/a%20b.txt', { file: '/a b.txt' }],
    ['/none', { status: 404 }],
    ['/lib/', { status: 404 }],
    ['/.env', { status: 404 }],
    ['/%2eenv', { status: 404 }],
    ['/x/%2e%2e/index.php', script('/index.php')],
    ['/%00', { status: 400 }],
    ['/%zz', { status: 400 }],
  ])('%s', (path, target) => expect(route(path)).toEqual(target));
});

describe('.htaccess', () => {
  it('is that of WordPress', () => {
    const route = site({ '/.htaccess': WORDPRESS, '/index.php': '', '/wp-login.php': '', '/style.css': '' });
    expect(route('/2026/hello/?p=1')).toEqual(script('/index.php', '', '?p=1'));
    expect(route('/wp-login.php')).toEqual(script('/wp-login.php'));
    expect(route('/style.css')).toEqual({ file: '/style.css' });
  });

  it('is that of Laravel', () => {
    const route = site({ '/.htaccess': LARAVEL, '/index.php': '', '/robots.txt': '' });
    expect(route('/users/1')).toEqual(script('/index.php'));
    expect(route('/users/')).toEqual({ redirect: '/users', status: 301 });
    expect(route('/robots.txt')).toEqual({ file: '/robots.txt' });
  });

  it('forbids, redirects to other hosts, and knows one of several conditions', () => {
    const rules = `
      RewriteEngine on
      RewriteRule ^private/ - [F]
      RewriteCond %{HTTP_HOST} ^www\\. [OR,NC]
      RewriteCond %{HTTP_HOST} ^SHOP\\. [NC]
      RewriteRule ^moved/(\\d+)$ https://example.com/$1?from=%{HTTP_HOST} [R=308]
      RewriteRule ^gone$ - [G]
    `;
    const route = site({ '/.htaccess': rules, '/index.php': '' });
    expect(route('/private/x')).toEqual({ status: 403 });
    expect(route('/moved/12')).toEqual({ redirect: 'https://example.com/12?from=shop.localhost', status: 308 });
    expect(route('/gone')).toEqual({ status: 410 });
  });

  it('belongs to its directory', () => {
    const rules = 'RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^(.*)$ app.php/$1 [QSA,L]';
    const route = site({ '/blog/.htaccess': rules, '/blog/app.php': '', '/index.php': '' });
    expect(route('/blog/post/1?a=b')).toEqual(script('/blog/app.php', '/post/1', '?a=b'));
    expect(route('/other')).toEqual({ status: 404 });
    const fallback = site({
      '/.htaccess': 'FallbackResource /front.php\nDirectoryIndex home.php',
      '/front.php': '',
      '/home.php': '',
    });
    expect(fallback('/any/where')).toEqual(script('/front.php', '/any/where'));
    expect(fallback('/')).toEqual(script('/home.php'));
  });
});

it('is the server of PHP itself, or nginx', () => {
  const files = { '/index.php': '', '/admin/index.php': '' };
  const builtin = site(files, { server: 'builtin' });
  expect(builtin('/some/where')).toEqual(script('/index.php', '/some/where'));
  expect(builtin('/admin/users')).toEqual(script('/admin/index.php', '/admin/users'));
  expect(builtin('/logo.png')).toEqual({ status: 404 });
  const nginx = site(files, { server: 'nginx', front: 'index.php' });
  expect(nginx('/some/where')).toEqual(script('/index.php', '/some/where'));
  expect(site(files, { server: 'nginx' })('/some/where')).toEqual({ status: 404 });
});
