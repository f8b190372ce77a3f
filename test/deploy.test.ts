/** The main job: `git push`, read the build, open the URL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;
const app = 'guestbook';

beforeAll(async () => {
  platform = await Platform.start();
  repository = await Repository.create('express');
});

afterAll(async () => {
  await platform?.destroy();
  await repository?.destroy();
});

const push = (...args: string[]) => repository.git('push', ...args, platform.remote(app), 'main');

async function replaceInServer(from: string, to: string, message: string): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  const source = await readFile(`${repository.path}/server.js`, 'utf8');
  expect(source).toContain(from);
  await repository.write({ 'server.js': source.replace(from, to) });
  await repository.commit(message);
}

describe('an Express app', () => {
  it('is created through the API, and shows that nothing is deployed yet', async () => {
    const { status, body } = await platform.api('POST', '/apps', { name: app });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: app,
      web_url: `http://${app}.localhost:${platform.port}/`,
      git_url: `${platform.url}/${app}.git`,
    });
    const page = await platform.app(app);
    expect(page.headers['content-type']).toContain('text/html');
  });

  it('is live after a push, whose output is the build', async () => {
    const { code, stderr } = await push();
    expect(stderr).toContain('remote: -----> Node.js app detected');
    expect(stderr).toContain('remote: -----> Launching...');
    expect(stderr).toContain('remote:        Released v2');
    expect(stderr).toContain(`remote:        http://${app}.localhost:${platform.port}/ deployed to Islet`);
    expect(stderr).toMatch(/\* \[new branch\] +main -> main/);
    expect(code).toBe(0);

    const page = await platform.app(app);
    expect(page.status).toBe(200);
    expect(page.text).toContain('<h1>Guestbook</h1>');
    const style = await platform.app(app, '/style.css');
    expect(style.headers['content-type']).toContain('text/css');
    expect((await platform.app(app, '/nowhere')).status).toBe(404);
  });

  it('keeps what a form posted, whichever connection asks', async () => {
    const posted = await platform.app(app, '/messages', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'name=Ada&text=Hello+%26+welcome',
    });
    expect(posted.status).toBe(302);
    const pages = await Promise.all(Array.from({ length: 12 }, () => platform.app(app)));
    for (const page of pages) expect(page.text).toContain('<b>Ada</b>: Hello &amp; welcome');
  });

  it('shows the build in the API as git showed it', async () => {
    const builds = await platform.newest<{ id: string; output_stream_url: string }>(
      `/apps/${app}/builds`,
      'created_at',
    );
    expect(builds).toMatchObject([{ status: 'succeeded', source_blob: { version_description: 'First version' } }]);
    const { body: build } = await platform.api('GET', `/apps/${app}/builds/${builds[0]?.id}`);
    expect(build).toEqual(builds[0]);
    const output = await fetch(builds[0]?.output_stream_url ?? '', {
      headers: { authorization: `Bearer ${platform.apiKey}` },
    });
    expect(await output.text()).toMatch(/-----> Node\.js app detected.*-----> Launching\.\.\.\n {7}Released v2/s);
    const releases = await platform.newest(`/apps/${app}/releases`, 'version');
    expect(releases).toMatchObject([
      { version: 2, current: true, description: expect.stringMatching(/^Deploy [0-9a-f]{8}$/) },
      { version: 1, current: false, description: 'Initial release' },
    ]);
    const { body: formation } = await platform.api('GET', `/apps/${app}/formation`);
    expect(formation).toMatchObject([{ type: 'web', quantity: 1, command: 'node server.js' }]);
  });

  it('logs what the app printed and what was asked of it', async () => {
    await expect
      .poll(() => platform.log(app), { timeout: 10_000 })
      .toMatch(/app\[web\.1\]: Guestbook is listening on \d+/);
    await expect
      .poll(() => platform.log(app))
      .toMatch(/heroku\[router\]: at=info method=GET path="\/" host=.* dyno=web\.1 .* status=200/);
  });

  it('changes with the next push while it is in use, without a failed request', async () => {
    await replaceInServer("'Guestbook'", "'Golden book'", 'Golden');
    const seen: string[] = [];
    let pushing = true;
    const client = async () => {
      while (pushing) {
        const page = await platform.app(app).catch((error: Error) => ({ status: 0, text: error.message }));
        const [, title = ''] = /<h1>(.*)<\/h1>/.exec(page.text) ?? [];
        seen.push(page.status === 200 ? title : `${page.status} ${page.text}`);
      }
    };
    const clients = [client(), client(), client()];
    const { code, stderr } = await push();
    expect(stderr).toContain('Released v3');
    expect(code).toBe(0);
    expect((await platform.app(app)).text).toContain('<h1>Golden book</h1>');
    pushing = false;
    await Promise.all(clients);
    expect([...new Set(seen)].sort()).toEqual(['Golden book', 'Guestbook']);
    expect(seen.length).toBeGreaterThan(20);
  });

  it('gets a config var by a new release', async () => {
    const { status, body } = await platform.api('PATCH', `/apps/${app}/config-vars`, { TITLE: 'Configured book' });
    expect({ status, body }).toEqual({ status: 200, body: { TITLE: 'Configured book' } });
    expect((await platform.app(app)).text).toContain('<h1>Configured book</h1>');
    const { body: release } = await platform.api('GET', `/apps/${app}/releases/current`);
    expect(release).toMatchObject({ version: 4, description: 'Set TITLE config vars' });
  });

  it('stays as it is when a push does not build, and the push fails with the reason', async () => {
    await replaceInServer('const messages = [];', 'const messages = [;', 'Broken');
    const { code, stderr } = await push();
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/remote: .*server\.js/);
    expect(stderr).toMatch(/remote: {2}! {5}\S/);
    expect(stderr).toMatch(/! \[remote rejected\] main -> main/);
    expect((await platform.app(app)).text).toContain('<h1>Configured book</h1>');
    const builds = await platform.newest(`/apps/${app}/builds`, 'created_at');
    expect(builds[0]).toMatchObject({ status: 'failed', release: null });
    // The commit was not taken: the same push is a push again.
    const again = await push();
    expect(again.stderr).toContain('Node.js app detected');
    expect(again.code).not.toBe(0);
    await repository.git('reset', '--quiet', '--hard', 'HEAD~1');
  });

  it('refuses a push in no supported language', async () => {
    const other = await Repository.create({ 'README.md': 'Nothing to run.\n' });
    await platform.api('POST', '/apps', { name: 'no-language' });
    const { code, stderr } = await other.git('push', platform.remote('no-language'), 'main');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/remote: {2}! {5}No default language could be detected for this app\./);
    await other.destroy();
  });

  it('stores a push to another branch without a build', async () => {
    await repository.git('branch', 'feature');
    const { code, stderr } = await repository.git('push', platform.remote(app), 'feature');
    expect(stderr).toContain('Pushed to non-deploy branch, skipping build');
    expect(code).toBe(0);
  });

  it('is live again after a restart of the platform, with its history', async () => {
    expect(await platform.stop()).toBe(0);
    await platform.start();
    expect((await platform.app(app)).text).toContain('<h1>Configured book</h1>');
    await replaceInServer("'Golden book'", "'Third book'", 'Third');
    const { code, stderr } = await push();
    expect(stderr).toContain('Released v5');
    expect(code).toBe(0);
  });

  it('can be cloned', async () => {
    const { code } = await repository.git('clone', '--quiet', platform.remote(app), 'copy');
    expect(code).toBe(0);
    const fsck = await repository.git('-C', 'copy', 'fsck', '--full', '--strict');
    expect(fsck.code).toBe(0);
    const [here, there] = await Promise.all([
      repository.git('rev-parse', 'HEAD'),
      repository.git('-C', 'copy', 'rev-parse', 'HEAD'),
    ]);
    expect(there.stdout).toBe(here.stdout);
  });

  it('runs no web dyno when scaled to none (H14)', async () => {
    await platform.api('PATCH', `/apps/${app}/formation/web`, { quantity: 0 });
    const page = await platform.app(app);
    expect(page.status).toBe(503);
    await expect.poll(() => platform.log(app)).toContain('at=error code=H14 desc="No web processes running"');
    await platform.api('PATCH', `/apps/${app}/formation`, { updates: [{ type: 'web', quantity: 2 }] });
    expect((await platform.app(app)).status).toBe(200);
  });

  it('is gone when it is deleted', async () => {
    expect((await platform.api('DELETE', `/apps/${app}`)).status).toBe(200);
    expect((await platform.app(app)).status).toBe(404);
    expect((await platform.api('GET', `/apps/${app}`)).status).toBe(404);
    expect((await push()).code).not.toBe(0);
  });
});

describe('an app that cannot start', () => {
  it('is released, answers with H10, and heals with the next push', async () => {
    const broken = await Repository.create({
      'package.json': '{"name":"broken","version":"1.0.0"}',
      'server.js': "throw new Error('no database');\n",
    });
    await platform.api('POST', '/apps', { name: 'broken' });
    expect((await broken.git('push', platform.remote('broken'), 'main')).code).toBe(0);
    const page = await platform.app('broken');
    expect(page.status).toBe(503);
    expect(page.text).toContain('Application error');
    await expect
      .poll(() => platform.log('broken'), { timeout: 10_000 })
      .toContain('at=error code=H10 desc="App crashed"');
    expect(await platform.log('broken')).toContain('app[web.1]: Error: no database');
    await broken.write({
      'server.js': "require('node:http').createServer((_, res) => res.end('up\\n')).listen(process.env.PORT);\n",
    });
    await broken.commit('Fixed');
    expect((await broken.git('push', platform.remote('broken'), 'main')).code).toBe(0);
    expect((await platform.app('broken')).text).toBe('up\n');
    await broken.destroy();
  });
});
