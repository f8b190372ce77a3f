/** pip itself, which every build with packages runs: from the package index, checked by its hash, kept for all builds. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { BuildFailure } from '../../failure.ts';
import { writeWhole } from '../../write-whole.ts';
import type { BuildContext } from '../buildpack.ts';
import { IndexClient } from './index-client.ts';

const WHEEL = 'pip-26.3-py3-none-any.whl';
const SHA256 = 'f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13';

/** Milliseconds that the host's own pip has to say where its index is. */
const PATIENCE = 30_000;

/**
 * @returns the bytes of pip's wheel
 * @throws BuildFailure when no index is known, or has not this pip
 */
export async function pipWheel(context: BuildContext): Promise<Uint8Array> {
  const kept = IndexClient.place(context.cache, WHEEL);
  const found = await readFile(kept).catch(() => undefined);
  if (found && isPip(found)) return found;
  const index = await indexOfHost();
  const url = await wheelUrl(new IndexClient([index], context), new URL('pip/', `${index.replace(/\/*$/, '')}/`));
  // What the operator's index links to may be wherever it is: the hash says that it is pip.
  const { body, error } = await new IndexClient([url], context).get(url, {});
  if (!isPip(body)) throw unavailable(`${WHEEL} is not the file that it should be. ${error}`);
  await writeWhole(kept, body);
  return body;
}

const isPip = (bytes: Uint8Array): boolean => createHash('sha256').update(bytes).digest('hex') === SHA256;

/** The wheel's URL, by the project's page ("Simple repository API", PyPA specifications). */
async function wheelUrl(client: IndexClient, project: URL): Promise<string> {
  const page = await client.get(project.href, { Accept: 'text/html' });
  const text = new TextDecoder().decode(page.body);
  for (const [, href = ''] of text.matchAll(/<a\b[^>]*\bhref="([^"]*)"/g)) {
    const url = new URL(href.replaceAll('&amp;', '&'), project);
    url.hash = '';
    if (url.pathname.endsWith(`/${WHEEL}`)) return url.href;
  }
  throw unavailable(page.error || `The package index has no ${WHEEL}; it answered ${page.status}.`);
}

/** The index that pip on this host uses: that of its configuration, or its default. */
async function indexOfHost(): Promise<string> {
  if (process.env.PIP_INDEX_URL) return process.env.PIP_INDEX_URL;
  for (const python of ['python3', 'python']) {
    const { stdout } = await promisify(execFile)(python, ['-m', 'pip', 'install', '--help'], {
      // In one line each: the help of an option names its value.
      env: { ...process.env, COLUMNS: '1000' },
      timeout: PATIENCE,
    }).catch(() => ({ stdout: '' }));
    const [, url] = /--index-url <url>.*\(default (\S+)\)/.exec(stdout) ?? [];
    if (url) return url;
  }
  throw unavailable('Where the package index is, neither PIP_INDEX_URL nor a pip on the host of the builder says.');
}

const unavailable = (detail: string): BuildFailure =>
  new BuildFailure('pip cannot be had, which installs the packages of Python apps.', {
    details: [detail.trim()],
    help: [
      'The operator of this platform installs pip on the host of the builder (Debian: python3-pip),',
      'or starts the platform with PIP_INDEX_URL set to the URL of a package index.',
    ],
  });
