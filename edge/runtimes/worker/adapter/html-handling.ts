import type { AssetsConfig } from '../../../../schema/assets.ts';

/** What a path stands for: a file, or a redirect to the path under which its file is served. */
export type Found = { file: string } | { redirect: string } | undefined;

/**
 * Finds the file of a path, as "HTML handling" of Cloudflare's static assets has it.
 *
 * @param path decoded, beginning with one slash
 * @param has whether there is a file at a path
 */
export function findFile(path: string, handling: AssetsConfig['htmlHandling'], has: (path: string) => boolean): Found {
  if (handling === 'index' && !has(path)) {
    const index = `${path.replace(/\/$/, '')}/index.html`;
    if (!has(index)) return undefined;
    return path.endsWith('/') ? { file: index } : { redirect: `${path}/` };
  }
  if (handling === 'none' || handling === 'index') return has(path) ? { file: path } : undefined;
  const page = pageOf(path, has);
  if (!page) return has(path) ? { file: path } : undefined;
  const canonical = canonicalPath(page, handling);
  return canonical === path ? { file: page.file } : { redirect: canonical };
}

interface Page {
  /** `/about.html`, `/about/index.html` */
  file: string;
  /** `/about`; empty for the root. */
  name: string;
  isIndex: boolean;
}

/** The HTML file behind any of the paths by which one may ask for it. */
function pageOf(path: string, has: (path: string) => boolean): Page | undefined {
  if (path.endsWith('/index.html')) {
    return has(path) ? { file: path, name: path.slice(0, -'/index.html'.length), isIndex: true } : undefined;
  }
  if (path.endsWith('.html')) {
    return has(path) ? { file: path, name: path.slice(0, -'.html'.length), isIndex: false } : undefined;
  }
  if (has(path)) return undefined;
  const name = path.replace(/\/$/, '');
  const flat = { file: `${name}.html`, name, isIndex: false };
  const index = { file: `${name}/index.html`, name, isIndex: true };
  return (path.endsWith('/') ? [index, flat] : [flat, index]).find(({ file }) => has(file));
}

function canonicalPath({ name, isIndex }: Page, handling: AssetsConfig['htmlHandling']): string {
  if (name === '') return '/';
  const slash = handling === 'force-trailing-slash' || (handling === 'auto-trailing-slash' && isIndex);
  return slash ? `${name}/` : name;
}
