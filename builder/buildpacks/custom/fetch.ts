import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unpack } from '../../archive.ts';
import { decompress } from '../../decompress.ts';
import { BuildFailure } from '../../failure.ts';
import { cloneTree } from '../../git/clone.ts';
import { unwrap } from '../../source.ts';
import type { Web } from '../../web.ts';

const limits = { entries: 20_000, bytes: 256 * 1024 ** 2 };

/** A URL for people: without credentials and query, which may hold secrets. */
export function shownUrl(text: string): string {
  const { protocol, host, pathname, hash } = new URL(text);
  return `${protocol}//${host}${pathname}${hash}`;
}

/**
 * Fetches a buildpack into `directory`, which is made.
 *
 * @param url of a git repository, with a branch, tag or commit after a `#`; or of a tar archive, gzipped or not, whose
 * root may be one directory
 * @throws BuildFailure when it cannot be fetched, or has nothing to run
 */
export async function fetchBuildpack(
  url: string,
  directory: string,
  { web, signal }: { web: Web; signal: AbortSignal },
): Promise<void> {
  const what = `The buildpack ${shownUrl(url)}`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const repository = repositoryOf(url);
  if (repository) await cloneTree(repository.url, directory, { ref: repository.ref, what, limits, web, signal });
  else {
    const archive = await decompress(await web.fetch(url, { what, signal }), { what, sha256: null });
    await unpack(archive, directory, { what, limits, signal });
  }
  if (isBuildpack(directory)) return;
  if ((await unwrap(directory)) && isBuildpack(directory)) return;
  throw new BuildFailure(`${what} has neither bin/compile nor buildpack.wasm.`, {
    help: ['A buildpack is an archive or a git repository with bin/detect and bin/compile at its root.'],
  });
}

const isBuildpack = (directory: string): boolean =>
  existsSync(join(directory, 'bin/compile')) || existsSync(join(directory, 'buildpack.wasm'));

/** Hosts whose repositories have URLs without `.git`: `https://github.com/<owner>/<name>`. */
const codeHosts = new Set(['github.com', 'gitlab.com', 'bitbucket.org', 'codeberg.org']);

/** The git repository that a URL names, if it names one. */
function repositoryOf(text: string): { url: string; ref: string | undefined } | undefined {
  const url = new URL(text);
  const ref = url.hash.slice(1) || undefined;
  const onCodeHost = codeHosts.has(url.host) && /^\/[^/]+\/[^/]+\/?$/.test(url.pathname);
  if (!url.pathname.endsWith('.git') && !onCodeHost) return undefined;
  url.hash = '';
  return { url: url.href, ref };
}
