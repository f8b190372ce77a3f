import { expect, it } from 'vitest';
import { findFile } from './html-handling.ts';

const files = new Set(['/index.html', '/about.html', '/blog/index.html', '/both.html', '/both/index.html', '/a.css']);

it.each([
  ['auto-trailing-slash', '/', '/index.html'],
  ['auto-trailing-slash', '/index.html', '-> /'],
  ['auto-trailing-slash', '/about', '/about.html'],
  ['auto-trailing-slash', '/about.html', '-> /about'],
  ['auto-trailing-slash', '/about/', '-> /about'],
  ['auto-trailing-slash', '/blog', '-> /blog/'],
  ['auto-trailing-slash', '/blog/', '/blog/index.html'],
  ['auto-trailing-slash', '/blog/index.html', '-> /blog/'],
  ['auto-trailing-slash', '/both', '/both.html'],
  ['auto-trailing-slash', '/both/', '/both/index.html'],
  ['auto-trailing-slash', '/a.css', '/a.css'],
  ['auto-trailing-slash', '/a', undefined],
  ['force-trailing-slash', '/about', '-> /about/'],
  ['force-trailing-slash', '/about/', '/about.html'],
  ['force-trailing-slash', '/blog/', '/blog/index.html'],
  ['drop-trailing-slash', '/blog', '/blog/index.html'],
  ['drop-trailing-slash', '/blog/', '-> /blog'],
  ['drop-trailing-slash', '/about', '/about.html'],
  ['drop-trailing-slash', '/', '/index.html'],
  ['index', '/', '/index.html'],
  ['index', '/about', undefined],
  ['index', '/about.html', '/about.html'],
  ['index', '/blog', '-> /blog/'],
  ['index', '/blog/', '/blog/index.html'],
  ['none', '/', undefined],
  ['none', '/index.html', '/index.html'],
] as const)('%s: %s is %s', (handling, path, expected) => {
  const found = findFile(path, handling, (file) => files.has(file));
  expect(found && ('file' in found ? found.file : `-> ${found.redirect}`)).toBe(expected);
});
