/** Builds that were pushed to do harm. Each ends with a reason, in bounded time, and harms no other. */
import { symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await Platform.start();
});
afterAll(() => platform?.destroy());

let pushes = 0;

/** Pushes an app whose build runs a script; returns what git printed. */
async function build(script: string, config: Record<string, string> = {}, link?: string): Promise<string> {
  pushes += 1;
  const app = `attack-${pushes}`;
  await platform.api('POST', '/apps', { name: app });
  await platform.api('PATCH', `/apps/${app}/config-vars`, config);
  const repository = await Repository.create({
    'package.json': JSON.stringify({ scripts: { build: 'node build.cjs', start: 'node server.js' } }),
    'server.js': `require('http').createServer((_, response) => response.end('unharmed')).listen(process.env.PORT);`,
    'build.cjs': script,
  });
  try {
    if (link !== undefined) {
      await symlink(link, `${repository.path}/link`);
      await repository.commit('A link');
    }
    return (await repository.git('push', platform.remote(app), 'main')).stderr;
  } finally {
    await repository.destroy();
  }
}

/** A script that prints what each of some expressions gives. */
const probe = (...expressions: string[]): string => `
  const fs = require('fs');
  (async () => {
    for (const attempt of [${expressions.map((expression) => `async () => ${expression}`).join(', ')}]) {
      console.log('got', await attempt().catch(({ message }) => 'ERROR ' + message));
    }
  })();`;

const results = (output: string): string[] =>
  [...output.matchAll(/ got (.*?) *$/gm)].map(([, result]) => String(result));

describe('the host', () => {
  it('shows a build none of its files', async () => {
    const output = await build(
      probe(
        `fs.readFileSync('/etc/passwd', 'utf8')`,
        `fs.readFileSync('/proc/self/environ', 'utf8')`,
        `fs.readFileSync('../../../../../../etc/passwd', 'utf8')`,
        `(fs.symlinkSync('/etc', '/tmp/out'), fs.readFileSync('/tmp/out/passwd', 'utf8'))`,
        `fs.readdirSync('/').sort().join(' ')`,
      ),
    );
    const [passwd, environ, climbed, linked, root] = results(output);
    for (const result of [passwd, environ, climbed, linked]) expect(result).toMatch(/^ERROR ENOENT/);
    expect(root).toBe('app dev root tmp usr');
    expect(output).toContain('Released v');
  });

  it('shows a build no secret of the platform', async () => {
    const output = await build(
      probe(
        'JSON.stringify(process.env)',
        `require('child_process').execSync('node -p "JSON.stringify(process.env)"')`,
      ),
    );
    expect(results(output)).toHaveLength(2);
    expect(output.replaceAll(platform.remote(`attack-${pushes}`), '')).not.toContain(platform.apiKey);
    expect(output).not.toMatch(/SECRET_KEY|INTERNAL_SECRET|API_KEY|DATA_DIR/);
  });

  it('is not reached over the network, by whatever name or number, even where the app says so', async () => {
    const hosts = ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f000001', '0.0.0.0', '[::ffff:127.0.0.1]'];
    const urls = [...hosts.map((host) => `http://${host}:${platform.port}/health`), 'http://169.254.169.254/latest/'];
    const requests = urls.map(
      (url) => `fetch('${url}').then(async (answer) => answer.status + ' ' + (await answer.text()).trim())`,
    );
    const allowed = `127.0.0.1:${platform.port} localhost:${platform.port} 0.0.0.0:${platform.port} 169.254.169.254`;
    const output = await build(probe(...requests), { BUILD_HOSTS: allowed });
    const answers = results(output);
    expect(answers).toHaveLength(urls.length);
    for (const answer of answers) expect(answer).toMatch(/^403 .*not (a public address|among those)/);
    // And the record of the build has each.
    expect(output.match(/\[network\] GET http:\/\/\S+ refused: /g)).toHaveLength(urls.length);
  });

  it('refuses a link out of the tree, pushed or left by a build', async () => {
    expect(await build('', {}, '/etc')).toMatch(/ ! .*link.* (out of|outside)/);
    expect(await build(`require('fs').symlinkSync('/etc', 'out')`)).toMatch(
      /The script "build" left what cannot be kept: the link out leads out of the tree/,
    );
  });

  it('follows no chain of links without end', async () => {
    const script = `
      const fs = require('fs');
      fs.mkdirSync('/tmp/chain');
      for (let i = 0; i < 500; i += 1) fs.symlinkSync('l' + (i + 1), '/tmp/chain/l' + i);
      fs.symlinkSync('l0', '/tmp/chain/l500');
      try { fs.readFileSync('/tmp/chain/l0'); } catch (error) { console.log('got', error.code); }`;
    expect(results(await build(script))).toEqual(['ELOOP']);
  });
});

test('a host that the app does not name is refused, with how to name it', async () => {
  const output = await build(
    probe(`fetch('https://files.example.com/a?token=secret').then((answer) => answer.text())`),
  );
  expect(output).toContain(
    '[network] GET https://files.example.com/a refused: the host files.example.com is not among',
  );
  expect(output).toContain('[network] To allow it, add it to the config var BUILD_HOSTS.');
  expect(output).not.toContain('token=secret');
  expect(await build('', { BUILD_HOSTS: 'https://example.com/' })).toContain('which is no host');
});

describe('too much', () => {
  it.each<[string, string, Record<string, string>, RegExp]>([
    ['time', 'for (;;);', { BUILD_MAX_SECONDS: '2' }, /A command took 2 s, and 2 s is the limit/],
    [
      'memory',
      'const all = []; for (;;) all.push(Buffer.alloc(16 << 20, 1));',
      { BUILD_MAX_MEMORY_MB: '700' },
      /The build used [\d,]+ MiB of memory, and 700 MiB of memory is the limit/,
    ],
    [
      'output',
      `for (;;) console.log('x'.repeat(10_000));`,
      { BUILD_MAX_OUTPUT_MB: '1' },
      /A command wrote [\d,]+ bytes of output, and 1,048,576 bytes of output is the limit/,
    ],
    [
      'files',
      `const fs = require('fs'); for (let i = 0; ; i++) fs.writeFileSync('f' + i, '');`,
      { BUILD_MAX_FILES: '5000' },
      /The build made [\d,]+ files, and 5,000 files is the limit/,
    ],
    [
      'disk',
      `const fs = require('fs'); for (let i = 0; ; i++) fs.writeFileSync('f' + i, Buffer.alloc(1 << 20));`,
      { BUILD_MAX_DISK_MB: '50' },
      /The files of the build took [\d,]+ bytes, and 52,428,800 bytes is the limit/,
    ],
  ])('%s ends the build, and it says how to have more', async (_name, script, config, reason) => {
    const output = await build(script, config);
    expect(output).toMatch(reason);
    expect(output).toMatch(new RegExp(`To raise it, set the config var ${Object.keys(config)[0]}, to \\d+ at most`));
    expect(output).toContain('[remote rejected]');
  });

  it('processes: a fork bomb ends by itself or at a limit', async () => {
    const bomb = `
      const { spawn } = require('child_process');
      const fork = () => spawn('node', [__filename], { stdio: 'inherit' }).on('error', ({ code }) => { throw new Error(code); });
      fork(); fork();`;
    const limits = { BUILD_MAX_SECONDS: '10', BUILD_MAX_MEMORY_MB: '1000' };
    expect(await build(bomb, limits)).toMatch(/EAGAIN|is the limit/);
  });

  it('and the next build is unharmed', async () => {
    expect(await build('console.log(1 + 1)')).toContain('Released v');
    expect((await platform.app(`attack-${pushes}`)).text).toBe('unharmed');
  });
});
