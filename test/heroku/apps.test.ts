import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Heroku } from '../support/heroku.ts';
import { Platform } from '../support/platform.ts';

let platform: Platform;
let heroku: Heroku;

beforeAll(async () => {
  platform = await Platform.start();
  heroku = await Heroku.for(platform);
});
afterAll(async () => {
  await heroku?.destroy();
  await platform?.destroy();
});

/** The two lines of a table's head, and its rows, each a list of cells. */
const rows = (table: string): string[][] =>
  table
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/))
    .filter((cells) => cells.length > 1);

/** An error's text, which the command breaks into lines. */
const words = (text: string): string => text.replace(/\s+(›\s+)?/g, ' ');

it('apps:create, apps, apps:info, apps:rename, apps:destroy', async () => {
  const url = `http://ferry.localhost:${platform.port}/ | https://localhost:${platform.port}/ferry.git\n`;
  const created = await heroku.run(['apps:create', 'ferry']);
  expect(created).toMatchObject({ code: 0, stdout: url });
  expect(created.stderr).toContain('Creating ferry... done');
  expect(await heroku.run(['apps'])).toMatchObject({
    code: 0,
    stdout: '=== admin@islet.local Apps\n\nferry (local)\n',
  });
  const { code, stdout } = await heroku.run(['apps:info', '--app', 'ferry']);
  expect(code).toBe(0);
  expect(stdout).toContain('=== ferry\n');
  for (const line of ['Owner:          admin@islet.local', 'Region:         local', 'Stack:          islet-1'])
    expect(stdout).toContain(line);
  const renamed = await heroku.run(['apps:rename', 'boat', '--app', 'ferry']);
  expect(renamed.stdout).toContain(`http://boat.localhost:${platform.port}/`);
  expect(renamed.stderr).toContain('to boat... done');
  const kept = await heroku.run(['apps:destroy', '--app', 'boat', '--confirm', 'ferry']);
  expect(kept.code).not.toBe(0);
  const destroyed = await heroku.run(['apps:destroy', '--app', 'boat', '--confirm', 'boat']);
  expect(destroyed.code).toBe(0);
  expect(destroyed.stderr).toContain('Destroying boat (including all add-ons)... done');
  const gone = await heroku.run(['apps:info', '--app', 'boat']);
  expect(gone.code).not.toBe(0);
  expect(gone.stderr).toContain("Couldn't find that app.");
});

it('apps:create of a name that will not do', async () => {
  for (const [name, message] of [
    ['No', 'Name is too short'],
    ['has_underscore', 'Name must start with a letter'],
    ['api', 'reserved'],
  ] as const) {
    const { code, stderr } = await heroku.run(['apps:create', name]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  }
});

it('config:set, config, config:get, config:unset', async () => {
  await platform.api('POST', '/apps', { name: 'configured' });
  const set = await heroku.run(['config:set', 'GREETING=hello world', 'TARGET=a=b', '--app', 'configured']);
  expect(set).toMatchObject({ code: 0, stdout: 'GREETING: hello world\nTARGET:   a=b\n' });
  expect(set.stderr).toContain('Setting GREETING, TARGET and restarting configured... done, v2');
  expect((await heroku.run(['config', '--app', 'configured'])).stdout).toBe(
    '=== configured Config Vars\n\nGREETING: hello world\nTARGET:   a=b\n',
  );
  expect(await heroku.run(['config:get', 'TARGET', '--app', 'configured'])).toMatchObject({ stdout: 'a=b\n' });
  expect((await heroku.run(['config', '--shell', '--app', 'configured'])).stdout).toBe(
    "GREETING='hello world'\nTARGET='a=b'\n",
  );
  const unset = await heroku.run(['config:unset', 'GREETING', '--app', 'configured']);
  expect(unset.stderr).toContain('Unsetting GREETING and restarting configured... done, v3');
  expect((await heroku.run(['config', '--app', 'configured', '--json'])).stdout.replace(/\s/g, '')).toBe(
    '{"TARGET":"a=b"}',
  );
  const bad = await heroku.run(['config:set', '1ST=x', '--app', 'configured']);
  expect(bad.code).not.toBe(0);
  expect(words(bad.stderr)).toContain('a name starts with a letter or underscore');
});

it('config:edit', async () => {
  await platform.api('POST', '/apps', { name: 'edited' });
  await platform.api('PATCH', '/apps/edited/config-vars', { KEPT: 'as it is', CHANGED: 'before', GONE: 'x' });
  const editor = join(heroku.cwd, 'editor');
  await writeFile(editor, `#!/bin/sh\nsed -i -e 's/before/after/' -e '/GONE/d' -e '$ aADDED="new one"' "$1"\n`, {
    mode: 0o755,
  });
  const editing = heroku.start(['config:edit', '--app', 'edited'], { EDITOR: editor });
  // What is typed before the question, or an end of the input right behind the answer, may be lost.
  await vi.waitFor(() => expect(editing.stdout).toContain('with these values?'), 30_000);
  editing.process.stdin?.write('y\n');
  const { code, stderr } = await editing.ended;
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('Updating config... done') });
  expect((await platform.api('GET', '/apps/edited/config-vars')).body).toEqual({
    KEPT: 'as it is',
    CHANGED: 'after',
    ADDED: 'new one',
  });
});

it('apps:open', async () => {
  await platform.api('POST', '/apps', { name: 'opened' });
  const { stdout } = await heroku.run(['apps:open', '--app', 'opened'], { env: { BROWSER: 'true' } });
  expect(stdout).toBe(`Opening http://opened.localhost:${platform.port}/...\n`);
});

it('local, by the Procfile that is pushed', async () => {
  await writeFile(join(heroku.cwd, 'Procfile'), 'web: echo listens at $PORT\nworker: echo $GREETING\n');
  await writeFile(join(heroku.cwd, '.env'), 'GREETING=from .env\n');
  const { stdout } = await heroku.run(['local', '--port', '7311']);
  expect(stdout).toMatch(/web\.1.*listens at 7311/);
  expect(stdout).toMatch(/worker\.1.*from \.env/);
});

it('access:add, access, access:remove', async () => {
  await platform.api('POST', '/apps', { name: 'shared' });
  await platform.api('POST', '/users', { email: 'ada@example.com' });
  const added = await heroku.run(['access:add', 'ada@example.com', '--app', 'shared']);
  expect(added.stderr).toContain('Adding ada@example.com access to the app shared... done');
  expect(rows((await heroku.run(['access', '--app', 'shared'])).stdout)).toEqual([
    ['email', 'role', 'permissions'],
    ['ada@example.com', 'collaborator', 'deploy, operate, view'],
    ['admin@islet.local', 'owner', 'deploy, manage, operate, view'],
  ]);
  const removed = await heroku.run(['access:remove', 'ada@example.com', '--app', 'shared']);
  expect(removed.stderr).toContain('Removing ada@example.com access from the app shared... done');
  const unknown = await heroku.run(['access:add', 'nobody@example.com', '--app', 'shared']);
  expect(unknown.stderr).toContain('There is no user nobody@example.com');
});

it('apps:transfer, which the recipient accepts', async () => {
  await platform.api('POST', '/apps', { name: 'given' });
  const { body } = await platform.api<{ api_key: string }>('POST', '/users', { email: 'bob@example.com' });
  const offered = await heroku.run(['apps:transfer', 'bob@example.com', '--app', 'given']);
  expect(offered.code).toBe(0);
  expect(offered.stderr).toContain('Initiating transfer of given to bob@example.com... email sent');
  const { body: transfers } = await platform.api<{ id: string }[]>('GET', '/account/app-transfers');
  expect(transfers).toMatchObject([{ app: { name: 'given' }, state: 'pending' }]);
  // Only the recipient may.
  const path = `/account/app-transfers/${transfers[0]?.id}`;
  expect((await platform.api('PATCH', path, { state: 'accepted' })).status).toBe(403);
  const bob = await Heroku.for(platform, body.api_key);
  expect((await bob.run(['apps:info', '--app', 'given'])).code).not.toBe(0);
  const accepted = await platform.apiAs(body.api_key, 'PATCH', path, { state: 'accepted' });
  expect(accepted.body).toMatchObject({ state: 'accepted' });
  expect((await bob.run(['apps:info', '--app', 'given'])).stdout).toContain('bob@example.com');
  expect((await platform.api('DELETE', '/apps/given')).status).toBe(403);
  await bob.destroy();
});

it('maintenance:on, maintenance, maintenance:off', async () => {
  await platform.api('POST', '/apps', { name: 'paused' });
  const on = await heroku.run(['maintenance:on', '--app', 'paused']);
  expect(on.stderr).toContain('Enabling maintenance mode for paused... done');
  expect(await heroku.run(['maintenance', '--app', 'paused'])).toMatchObject({ stdout: 'on\n' });
  await heroku.run(['maintenance:off', '--app', 'paused']);
  expect(await heroku.run(['maintenance', '--app', 'paused'])).toMatchObject({ stdout: 'off\n' });
});

it('domains:add, domains, domains:info, domains:remove', async () => {
  await platform.api('POST', '/apps', { name: 'named' });
  const added = await heroku.run(['domains:add', 'www.example.com', '--app', 'named']);
  expect(added.code).toBe(0);
  expect(added.stdout).toContain('DNS Target named.localhost.');
  const listed = await heroku.run(['domains', '--app', 'named']);
  expect(listed.stdout).toContain('=== named Heroku Domain\n\nnamed.localhost\n');
  expect(listed.stdout).toContain('=== named Custom Domains');
  expect(listed.stdout).toContain('www.example.com');
  const info = await heroku.run(['domains:info', 'www.example.com', '--app', 'named']);
  expect(info.stdout).toContain('hostname:   www.example.com\nkind:       custom\nstatus:     succeeded\n');
  const removed = await heroku.run(['domains:remove', 'www.example.com', '--app', 'named']);
  expect(removed.stderr).toContain('Removing www.example.com from named... done');
  await platform.api('POST', '/apps/named/domains', { hostname: '*.example.org' });
  const cleared = await heroku.run(['domains:clear', '--app', 'named']);
  expect(cleared.stderr).toContain('Removing all domains from named... done');
  expect((await platform.api('GET', '/apps/named/domains')).body).toMatchObject([{ kind: 'heroku' }]);
  const bad = await heroku.run(['domains:add', 'not a domain', '--app', 'named']);
  expect(bad.stderr).toContain('is not a domain name');
});

it('features and labs', async () => {
  await platform.api('POST', '/apps', { name: 'featured' });
  const features = await heroku.run(['features', '--app', 'featured']);
  expect(features.stdout).toContain('=== App Features featured\n\n');
  expect(features.stdout).toContain('[+] preboot');
  const off = await heroku.run(['features:disable', 'preboot', '--app', 'featured']);
  expect(off.stderr).toContain('it cannot be switched off');
  const unknown = await heroku.run(['features:enable', 'no-such', '--app', 'featured']);
  expect(unknown.stderr).toContain("Couldn't find that feature.");
  const on = await heroku.run(['labs:enable', 'runtime-dyno-metadata', '--app', 'featured']);
  expect(on.stderr).toContain('Enabling runtime-dyno-metadata for featured... done');
  const labs = await heroku.run(['labs', '--app', 'featured']);
  expect(labs.stdout).toContain('=== User Features admin@islet.local');
  expect(labs.stdout).toContain('[+] runtime-dyno-metadata');
  const info = await heroku.run(['labs:info', 'runtime-dyno-metadata', '--app', 'featured']);
  expect(info.stdout).toMatch(/^=== runtime-dyno-metadata\n\nDescription: .*\nEnabled: +true\n/);
  const disabled = await heroku.run(['labs:disable', 'runtime-dyno-metadata', '--app', 'featured']);
  expect(disabled.stderr).toContain('Disabling runtime-dyno-metadata for featured... done');
  expect((await heroku.run(['features:info', 'preboot', '--app', 'featured'])).stdout).toMatch(/Enabled: +true/);
});

it('authorizations:create, authorizations, authorizations:revoke; auth:token', async () => {
  const created = await heroku.run(['authorizations:create', '--description', 'CI', '--scope', 'read']);
  const [, token = ''] = /Token: +(\S+)/.exec(created.stdout) ?? [];
  const [, id = ''] = /ID: +(\S+)/.exec(created.stdout) ?? [];
  expect(created.stdout).toMatch(/Description: CI\nScope: +read\n/);
  expect(rows((await heroku.run(['authorizations'])).stdout)).toContainEqual(['CI', id, 'read']);
  const reader = await Heroku.for(platform, token);
  expect((await reader.run(['auth:whoami'])).stdout).toBe('admin@islet.local\n');
  expect((await reader.run(['apps:create', 'not-by-reader'])).stderr).toContain("This token's scope, read");
  const updated = await heroku.run(['authorizations:update', id, '--description', 'Robot']);
  expect(updated.stderr).toContain('Updating OAuth Authorization... done');
  expect((await heroku.run(['authorizations:info', id])).stdout).toMatch(/Description: Robot\n/);
  const rotated = await heroku.run(['authorizations:rotate', id]);
  const [, newer = ''] = /Token: +(\S+)/.exec(rotated.stdout) ?? [];
  expect((await reader.run(['auth:whoami'])).code).not.toBe(0);
  const again = await Heroku.for(platform, newer);
  expect((await again.run(['auth:whoami'])).stdout).toBe('admin@islet.local\n');
  await again.destroy();
  const revoked = await heroku.run(['authorizations:revoke', id]);
  expect(revoked.stderr).toContain('done, revoked authorization from Robot');
  expect((await reader.run(['auth:whoami'])).code).not.toBe(0);
  await reader.destroy();
  expect((await heroku.run(['auth:token'])).stdout).toBe(`${platform.apiKey}\n`);
});
