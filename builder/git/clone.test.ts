import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type HttpBackend, startHttpBackend } from '../../bench/support/http-backend.ts';
import { BuildFailure } from '../failure.ts';
import { readHostSettings } from '../npm/settings.ts';
import { temporaryDirectory } from '../testing.ts';
import { Web } from '../web.ts';
import { cloneTree } from './clone.ts';

let server: HttpBackend;
let root: string;
let commits: string[];

const environment = {
  PATH: process.env.PATH,
  GIT_CONFIG_NOSYSTEM: '1',
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'Ada'],
      [`GIT_${who}_EMAIL`, 'a@b.c'],
    ]),
  ),
};
const git = (directory: string, ...args: string[]) =>
  execFileSync('git', args, {
    cwd: directory,
    env: { ...environment, HOME: directory },
    timeout: 30_000,
    encoding: 'utf8',
  }).trim();

/** Large and alike, so that git writes the one as a change of the other. */
const similar = (name: string) =>
  Array.from({ length: 5000 }, (_, line) => `${line} ${name.repeat(line % 3)}`).join('\n');

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'islet-clone-'));
  const directory = join(root, 'buildpack');
  mkdirSync(join(directory, 'bin'), { recursive: true });
  git(directory, 'init', '--quiet', '--initial-branch', 'main');
  writeFileSync(join(directory, 'bin/compile'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('bin/compile', join(directory, 'link'));
  writeFileSync(join(directory, 'version'), '1');
  const commit = (message: string) => {
    git(directory, 'add', '--all');
    git(directory, 'commit', '--quiet', '--message', message);
    return git(directory, 'rev-parse', 'HEAD');
  };
  commits = [commit('One')];
  git(directory, 'tag', '--annotate', '--message', 'First', 'v1');
  writeFileSync(join(directory, 'version'), '2');
  for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, `${name}.txt`), similar(name));
  commits.push(commit('Two'));
  git(directory, 'checkout', '--quiet', '-b', 'next');
  writeFileSync(join(directory, 'version'), '3');
  commits.push(commit('Three'));
  git(directory, 'checkout', '--quiet', 'main');
  git(directory, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  server = await startHttpBackend(root);
});

afterAll(() => {
  server?.stop();
  rmSync(root, { recursive: true, force: true });
});

const limits = { entries: 100, bytes: 10_000_000 };

async function clone(ref?: string, { url = `${server.url}/buildpack/.git`, limited = limits } = {}): Promise<string> {
  const directory = join(temporaryDirectory(), 'tree');
  const web = new Web(await readHostSettings(temporaryDirectory()), new Set([new URL(url).host]));
  const signal = AbortSignal.timeout(30_000);
  await cloneTree(url, directory, { ref, what: 'The buildpack', limits: limited, web, signal });
  return directory;
}

const version = async (ref?: string) => readFileSync(join(await clone(ref), 'version'), 'utf8');

test('gets what git has: files, modes, links, contents', async () => {
  const directory = await clone();
  expect(statSync(join(directory, 'bin/compile')).mode & 0o777).toBe(0o755);
  expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true);
  expect(readlinkSync(join(directory, 'link'))).toBe('bin/compile');
  for (const name of ['a', 'b', 'c']) expect(readFileSync(join(directory, `${name}.txt`), 'utf8')).toBe(similar(name));
});

test('of a branch, a tag, a commit, or what HEAD names', async () => {
  expect(await version()).toBe('2');
  expect(await version('next')).toBe('3');
  expect(await version('v1')).toBe('1');
  expect(await version(commits[0])).toBe('1');
});

describe('refuses', () => {
  const refused = async (cloning: Promise<string>, message: string | RegExp) => {
    await expect(cloning).rejects.toThrow(BuildFailure);
    await expect(cloning).rejects.toThrow(message);
  };

  test('a ref that is not there', () => refused(clone('nope'), 'The buildpack has no branch or tag nope.'));
  test('a repository that is not there', () =>
    refused(clone(undefined, { url: `${server.url}/none/.git` }), 'answered 404'));
  test('too many objects', () => refused(clone(undefined, { limited: { ...limits, entries: 2 } }), /has \d+ objects/));
  test('too many bytes', () =>
    refused(clone(undefined, { limited: { ...limits, bytes: 1000 } }), 'its objects take more than 1000 bytes'));

  test.for([
    ['what is no git server', '<html>', 'does not answer as git does'],
    ['an older protocol', '000eversion 1\n0000', 'does not speak version 2'],
    ['an error', '0014ERR gone fishing0000', 'gone fishing'],
  ])('%s', async ([, answer, message]) => {
    const other = createServer((_, response) => response.end(answer));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      other.closeAllConnections();
      other.close();
    });
    await refused(
      clone(undefined, { url: `http://127.0.0.1:${(other.address() as AddressInfo).port}/x.git` }),
      message ?? '',
    );
  });
});
