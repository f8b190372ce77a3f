/** What a deploy looks at before it builds: branches, submodules, Git LFS. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
});

afterAll(() => platform?.destroy());

const files = {
  'package.json': '{"name":"rules"}',
  'server.js': "require('node:http').createServer((_, res) => res.end('up')).listen(process.env.PORT);\n",
};

async function newApp(name: string): Promise<Repository> {
  await platform.api('POST', '/apps', { name });
  return Repository.create(files);
}

it('deploys another branch that is pushed to main, and master as well', async () => {
  const repository = await newApp('branches');
  await repository.git('checkout', '--quiet', '-b', 'feature');
  const feature = await repository.git('push', platform.remote('branches'), 'feature:main');
  expect(feature.stderr).toContain('Released v2');
  expect(feature.stderr).toMatch(/feature -> main/);
  await repository.commit('Again');
  const master = await repository.git('push', platform.remote('branches'), 'HEAD:refs/heads/master');
  expect(master.stderr).toContain('Released v3');
  await repository.destroy();
});

it('asks the credential helper, and takes a large push to another branch in chunks, when it has said to go on', async () => {
  const repository = await newApp('helper');
  const url = `http://localhost:${platform.port}/helper.git`;
  const helper = (password: string) => [
    '-c',
    `credential.helper=!f() { echo username=any; echo password=${password}; }; f`,
  ];
  const refused = await repository.git(...helper('wrong'), 'push', url, 'main:draft');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('Authentication failed');
  await repository.write({ 'large.txt': randomBytes(8_000_000).toString('base64') });
  await repository.commit('A large file');
  const inChunks = ['-c', 'http.extraHeader=Expect: 100-continue', '-c', 'http.postBuffer=1'];
  const { code, stderr } = await repository.git(...helper(platform.apiKey), ...inChunks, 'push', url, 'main:draft');
  expect(stderr).toContain('remote: Pushed to non-deploy branch, skipping build.');
  expect(code).toBe(0);
  expect((await platform.api<unknown[]>('GET', '/apps/helper/builds')).body).toEqual([]);
  await repository.destroy();
});

it('refuses a submodule with its name', async () => {
  const repository = await newApp('submodule');
  const { stdout } = await repository.git('rev-parse', 'HEAD');
  await repository.git('update-index', '--add', '--cacheinfo', `160000,${stdout.trim()},vendor/lib`);
  await repository.git('commit', '--quiet', '--message', 'A submodule');
  const { code, stderr } = await repository.git('push', platform.remote('submodule'), 'main');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/remote: {2}! {5}vendor\/lib is a submodule/);
  expect(stderr).toContain('pre-receive hook declined');
  expect((await platform.api<unknown[]>('GET', '/apps/submodule/builds')).body).toEqual([]);
  await repository.destroy();
});

it('warns of files that are only pointers of Git LFS, and deploys', async () => {
  const repository = await newApp('large-files');
  await repository.write({
    '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n',
    'logo.psd': `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`,
  });
  // Without git-lfs installed, git adds the pointer as it stands.
  await repository.git('config', 'filter.lfs.clean', 'cat');
  await repository.commit('A large file');
  const { code, stderr } = await repository.git('push', platform.remote('large-files'), 'main');
  expect(stderr).toContain('Git LFS is not supported: 1 of the files are pointers without content: logo.psd');
  expect(code).toBe(0);
  await repository.destroy();
});
