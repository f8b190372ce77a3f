/** What people deploy with: git:*, releases:*, buildpacks:*. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

let platform: Platform;
let heroku: Heroku;
let email: string;
let commit: string;

beforeAll(async () => {
  platform = await Platform.start();
  heroku = await Heroku.for(platform);
  email = (await platform.api<{ email: string }>('GET', '/account')).body.email;
  await platform.api('POST', '/apps', { name: 'atoll' });
  const repository = await Repository.create('sse');
  commit = await repository.commit('Second version');
  expect(await repository.git('push', platform.remote('atoll'), 'main')).toMatchObject({ code: 0 });
  await repository.destroy();
});

afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
});

/** Runs a command of the app that must succeed, and returns what it prints. */
async function run(...args: string[]): Promise<string> {
  const env = { HEROKU_BUILDPACK_REGISTRY_URL: platform.url };
  const { code, stdout, stderr } = await heroku.run([...args, '--app', 'atoll'], { env });
  expect(code, stderr).toBe(0);
  return stdout;
}

/** Runs a command that must fail, and returns why. */
async function fail(...args: string[]): Promise<string> {
  const env = { HEROKU_BUILDPACK_REGISTRY_URL: platform.url };
  const { code, stderr } = await heroku.run([...args, '--app', 'atoll'], { env });
  expect(code).not.toBe(0);
  return stderr.replace(/\n ›\s+/g, ' ');
}

const remote = () => `http://localhost:${platform.port}/atoll.git`;

describe('releases', () => {
  it('lists the releases, and shows one', async () => {
    const list = await run('releases');
    expect(list).toMatch(/^=== atoll Releases - Current: v2\n/);
    const rows = list.split('\n').filter((line) => /^ +v\d/.test(line));
    expect(rows.map((row) => row.trim().split(/ {2,}/).slice(0, 3))).toEqual([
      ['v2', `Deploy ${commit.slice(0, 8)}`, email],
      ['v1', 'Initial release', email],
    ]);

    await platform.api('PATCH', '/apps/atoll/config-vars', { GREETING: 'ahoy' });
    const { body: release } = await platform.api('GET', '/apps/atoll/releases/3');
    expect(await run('releases:info')).toBe(`=== Release v3

By:                     ${email}
Change:                 Set GREETING config vars
Eligible for Rollback?: Yes
When:                   ${release.created_at}

=== v3 Config vars

GREETING: ahoy
`);
    expect(await run('releases:info', 'v3', '--shell')).toMatch(/=== v3 Config vars\n+GREETING=ahoy\n$/);
    expect(JSON.parse(await run('releases:info', 'v1', '--json'))).toMatchObject({ version: 1, current: false });
    expect(await fail('releases:info', 'v99')).toContain("Couldn't find that release.");
  });

  it('rolls back, to the release before or to one that is named', async () => {
    await platform.api('PATCH', '/apps/atoll/config-vars', { GREETING: 'bye' });
    const { stderr, code } = await heroku.run(['releases:rollback', '--app', 'atoll']);
    expect(code).toBe(0);
    const [, from, to] = /Rolling back atoll to v(\d+)\.\.\. done, v(\d+)/.exec(stderr) ?? [];
    expect(Number(to)).toBe(Number(from) + 2);
    expect(stderr.replace(/\s*›\s*/g, ' ')).toContain(`To undo, run: heroku rollback v${Number(to) - 1}`);
    const config = await platform.api('GET', '/apps/atoll/config-vars');
    expect(config.body).toEqual({ GREETING: 'ahoy' });
    await run('rollback', 'v2');
    expect((await platform.api('GET', '/apps/atoll/config-vars')).body).toEqual({});
    expect(await fail('rollback', 'v1')).toContain('Release v1 has no slug: nothing was deployed yet.');
  });

  it('says that a release had no release command', async () => {
    const { code, stderr } = await heroku.run(['releases:output', 'v1', '--app', 'atoll']);
    expect(code).toBe(0);
    expect(stderr).toContain('Release v1 has no release output available.');
  });

  it('shows what a release command printed', async () => {
    await platform.api('POST', '/apps', { name: 'phased' });
    await platform.api('PATCH', '/apps/phased/config-vars', { GREETING: 'ahoy' });
    const repository = await Repository.create({
      'package.json': '{"name":"phased","version":"1.0.0"}',
      Procfile: 'web: node server.js\nrelease: echo "released with $GREETING"\n',
      'server.js': "require('node:http').createServer((_, res) => res.end()).listen(process.env.PORT);\n",
    });
    const pushed = await repository.git('push', platform.remote('phased'), 'main');
    expect(pushed).toMatchObject({ code: 0, stderr: expect.stringContaining('released with ahoy') });
    const { code, stdout } = await heroku.run(['releases:output', '--app', 'phased']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('released with ahoy\n') });
    await repository.destroy();
  });
});

describe('git', () => {
  it('clones an app and names its remote', async () => {
    const { code, stderr } = await heroku.run(['git:clone', '--app', 'atoll', 'copy']);
    expect(code).toBe(0);
    expect(stderr).toContain("Cloning into 'copy'...");
    const { stdout: log } = await gitIn('copy', 'log', '--format=%H %s', '-1');
    expect(log).toBe(`${commit} Second version\n`);
    const { stdout: remotes } = await gitIn('copy', 'remote', '--verbose');
    // Without the setting that docs/heroku-cli.md asks for.
    expect(remotes).toContain(`heroku\t${remote().replace('http:', 'https:')} (push)`);
  });

  it('adds a remote to a repository, or sets the one that is there', async () => {
    await git('init', '--quiet');
    const set = (name: string) => `set git remote ${name} to ${remote()}\n`;
    expect(await run('git:remote')).toBe(set('heroku'));
    expect(await run('git:remote')).toBe(set('heroku'));
    expect(await run('git:remote', '--remote', 'staging')).toBe(set('staging'));
    const { stderr } = await heroku.run(['git:remote', '--app', 'nobodys']);
    expect(stderr).toContain("Couldn't find that app.");
  });
});

describe('buildpacks', () => {
  const url = 'https://example.com/buildpack.tgz';

  it('sets, adds, lists, removes and clears them', async () => {
    expect(await run('buildpacks')).toBe('atoll has no Buildpacks.\n');
    expect(await run('buildpacks:set', 'heroku/nodejs')).toBe(
      'Buildpack set. Next release on atoll will use heroku/nodejs.\n' +
        'Run git push heroku main to create a new release using this buildpack.\n',
    );
    expect(await fail('buildpacks:set', 'heroku/nodejs')).toContain(
      'The buildpack heroku/nodejs is already set on your app.',
    );
    expect(await run('buildpacks:add', url)).toBe(
      `Buildpack added. Next release on atoll will use:\n  1. heroku/nodejs\n  2. ${url}\n` +
        'Run git push heroku main to create a new release using these buildpacks.\n',
    );
    expect(await run('buildpacks:add', '--index', '1', 'heroku-community/static')).toContain(
      `  1. heroku-community/static\n  2. heroku/nodejs\n  3. ${url}\n`,
    );
    expect(await run('buildpacks')).toBe(
      '=== atoll Classic Buildpacks (from the Heroku Buildpack Registry)\n\n' +
        `1. heroku-community/static\n2. heroku/nodejs\n3. ${url}\n`,
    );
    expect(await run('buildpacks:remove', 'heroku/nodejs')).toContain(`  1. heroku-community/static\n  2. ${url}\n`);
    expect(await run('buildpacks:remove', '--index', '2')).toBe(
      'Buildpack removed. Next release on atoll will use heroku-community/static.\n' +
        'Run git push heroku main to create a new release using this buildpack.\n',
    );
    expect(await run('buildpacks:clear')).toBe(
      'Buildpacks cleared. Next release on atoll will detect buildpacks normally.\n',
    );
    expect(await fail('buildpacks:set', 'heroku/cobol')).toContain('There is no such buildpack here.');
    expect(await run('buildpacks')).toBe('atoll has no Buildpacks.\n');
  });

  it('finds them by name', async () => {
    const search = await heroku.run(['buildpacks:search', 'node'], {
      env: { HEROKU_BUILDPACK_REGISTRY_URL: platform.url },
    });
    expect(search.stdout).toMatch(
      /heroku\/nodejs +languages +Node\.js apps, from a package\.json\n.*1 buildpack found\n$/s,
    );
    const info = await heroku.run(['buildpacks:info', 'heroku/nodejs'], {
      env: { HEROKU_BUILDPACK_REGISTRY_URL: platform.url },
    });
    expect(info.stdout).toMatch(/^=== heroku\/nodejs\n\ndescription: Node\.js apps, from a package\.json\n/);
  });
});

/** Runs git in the terminal's directory. */
const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: heroku.cwd, timeout: 60_000 });

/** Runs git in a directory below the terminal's. */
const gitIn = (directory: string, ...args: string[]) => git('-C', directory, ...args);
