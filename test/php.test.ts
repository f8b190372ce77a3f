/** PHP apps by push. Composer's packages are those that Debian's php-slim and php-twig install, where they do. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INSTALLED, slimPackages } from './support/composer-packages.ts';
import { FileServer } from './support/file-server.ts';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';
import { open } from './support/request.ts';

describe('PHP', () => {
  let platform: Platform;
  let files: FileServer;
  const repositories: Repository[] = [];

  beforeAll(async () => {
    files = await FileServer.start();
    platform = await Platform.start({ RUNNERS: '1', TRUSTED_HOSTS: files.host });
  });
  afterAll(async () => {
    for (const repository of repositories) await repository.destroy();
    await platform?.destroy();
    files?.stop();
  });

  async function push(name: string, files: Record<string, string>): Promise<{ code: number; stderr: string }> {
    const repository = await Repository.create(files);
    repositories.push(repository);
    await platform.api('POST', '/apps', { name });
    return repository.git('push', platform.remote(name), 'main');
  }

  it('serves scripts with what PHP apps count on, and files beside them', async () => {
    await platform.api('POST', '/apps', { name: 'plain' });
    await platform.api('PATCH', '/apps/plain/config-vars', { GREETING: 'Salut' });
    const { code, stderr } = await push('plain', {
      'index.php': `<?php
        header('X-Made-By: PHP');
        $name = htmlspecialchars($_GET['name'] ?? 'nobody');
        echo "<p>", getenv('GREETING'), " $name ", PHP_VERSION, "</p>\n";
      `,
      'style.css': 'body { color: navy }',
      '.env': 'SECRET=1',
      'count.php': `<?php session_start(); echo $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;`,
      'upload.php': `<?php
        $file = $_FILES['file'];
        echo $file['name'], ' ', $file['size'], ' ', md5_file($file['tmp_name']), ' ', $_POST['note'];
      `,
      'echo.php': `<?php http_response_code(201); header('Content-Type: application/json');
        echo json_encode(['method' => $_SERVER['REQUEST_METHOD'], 'path' => $_SERVER['PATH_INFO'] ?? '',
          'got' => json_decode(file_get_contents('php://input'))]);`,
      'data.php': `<?php
        $db = new PDO('sqlite:/tmp/data.db');
        $db->exec('CREATE TABLE IF NOT EXISTS visits (name TEXT)');
        $db->prepare('INSERT INTO visits VALUES (?)')->execute([mb_strtoupper('ä')]);
        echo implode(' ', $db->query('SELECT name FROM visits')->fetchAll(PDO::FETCH_COLUMN));
        $page = new DOMDocument();
        $page->loadHTML('<ul><li>one<li>two</ul>');
        echo ' ', $page->getElementsByTagName('li')->length;
      `,
      'away.php': `<?php header('Location: /elsewhere'); error_log('went away');`,
      'broken.php': `<?php nowhere();`,
      'outside.php': `<?php
        echo @file_get_contents($_GET['url']) === false ? error_get_last()['message'] : 'reached';
        stream_wrapper_unregister('data');
        stream_wrapper_register('data', Islet\\HttpStream::class, STREAM_IS_URL);
        $stream = fopen('data:text/plain,to%20be%20read', 'r');
        echo '; ', stream_get_contents($stream), ' ', stream_get_meta_data($stream)['wrapper_data']->headers[1];
      `,
      'nested.php': '<?php $a = []; for ($i = 0; $i < 500000; $i++) $a = [$a]; echo strlen(serialize($a));',
      'deep.php': '<?php function deeper($n) { return deeper($n + 1); } deeper(0);',
      'hungry.php': `<?php $held = []; while (true) $held[] = str_repeat('x', 1000000);`,
      'state.php': `<?php function once() {} static $count = 0; echo ++$count, ' ', count($_GET), ' ', $_SERVER['HTTP_X_ONCE'] ?? 'none';`,
    });
    expect(stderr).toContain('Using buildpack: heroku/php');
    expect(code).toBe(0);
    const app = (path: string, options?: object) => platform.app('plain', path, options);

    const page = await app('/?name=%3CAda%3E');
    expect(page.text).toBe('<p>Salut &lt;Ada&gt; 8.5.2</p>\n');
    expect(page.headers).toMatchObject({ 'x-made-by': 'PHP', 'content-type': 'text/html; charset=UTF-8' });
    expect((await app('/style.css')).headers).toMatchObject({ 'content-type': 'text/css; charset=utf-8' });
    for (const path of ['/.env', '/none', '/none.php']) expect((await app(path)).status).toBe(404);

    const first = await app('/count.php');
    const cookie = String(first.headers['set-cookie']).split(';')[0];
    expect(first.text).toBe('1');
    expect((await app('/count.php', { headers: { cookie } })).text).toBe('2');
    expect((await app('/count.php')).text).toBe('1');

    const form = new FormData();
    form.set('note', 'with a note');
    form.set('file', new Blob([new Uint8Array(300_000).fill(7)]), 'sevens.bin');
    const encoded = new Response(form);
    const body = Buffer.from(await encoded.arrayBuffer());
    const headers = { 'content-type': encoded.headers.get('content-type') };
    const sum = createHash('md5').update(Buffer.alloc(300_000, 7)).digest('hex');
    expect((await app('/upload.php', { method: 'POST', headers, body })).text).toBe(
      `sevens.bin 300000 ${sum} with a note`,
    );

    const echo = await app('/echo.php/users/1', { method: 'PUT', body: '{"a":[1,2]}' });
    expect({ status: echo.status, body: JSON.parse(echo.text) }).toEqual({
      status: 201,
      body: { method: 'PUT', path: '/users/1', got: { a: [1, 2] } },
    });
    expect((await app('/data.php')).text).toBe('Ä 2');
    expect((await app('/data.php')).text).toBe('Ä Ä 2');
    const away = await app('/away.php');
    expect({ status: away.status, to: away.headers.location }).toEqual({ status: 302, to: '/elsewhere' });
    expect((await app('/broken.php')).status).toBe(500);
    // The way out is fetch, which does not lead to this machine.
    const url = encodeURIComponent(`http://127.0.0.1:${platform.port}/health`);
    expect((await app(`/outside.php?url=${url}`)).text).toMatch(
      /^file_get_contents\(.*\): Failed to open stream: .*; to be read content-type: text\/plain/,
    );
    for (const path of ['/deep.php', '/hungry.php']) expect((await app(path)).status).toBe(500);
    // What ends PHP itself ends one request: the next has another PHP, with the same files.
    expect((await app('/nested.php')).status).toBe(500);
    expect((await app('/data.php')).text).toBe('Ä Ä Ä 2');
    // Nothing of one request is left for the next.
    expect((await app('/state.php?a=1', { headers: { 'x-once': 'yes' } })).text).toBe('1 1 yes');
    expect((await app('/state.php')).text).toBe('1 0 none');
    await expect.poll(() => platform.log('plain')).toMatch(/app\[web\.1\]: .*went away/);
    expect(await platform.log('plain')).toMatch(/app\[web\.1\]: .*Call to undefined function nowhere\(\)/);
    expect(await platform.log('plain')).toMatch(/app\[web\.1\]: .*PHP ended: /);
    expect(await platform.log('plain')).toMatch(/Allowed memory size of 134217728 bytes exhausted/);
  });

  it('sends what PHP writes as it writes it, as fast as it is read, and serves others meanwhile', async () => {
    const { code, stderr } = await push('streams', {
      'index.php': '<?php echo "up";',
      'events.php': `<?php
        header('Content-Type: text/event-stream');
        foreach ([1, 2, 3] as $n) { echo "data: $n\\n\\n"; flush(); usleep(400000); }
      `,
      'large.php': `<?php
        for ($sent = 0; $sent < 256; $sent++) {
          echo str_repeat('x', 1 << 20);
          file_put_contents('/tmp/sent', $sent);
        }
      `,
      'endless.php': `<?php
        register_shutdown_function(fn () => file_put_contents('/tmp/gone', connection_aborted() ? 'aborted' : 'done'));
        while (true) { echo "more\\n"; flush(); sleep(1); }
      `,
      'read.php': '<?php echo @file_get_contents($_GET["file"]);',
      'state.php': `<?php
        class Kept { static array $seen = []; }
        Kept::$seen[] = $_GET['as'];
        $GLOBALS['held'][] = $_GET['as'];
        putenv('LEFT=' . $_GET['as']);
        ini_set('precision', '3');
        chdir('/');
        define('ONLY_ONCE', $_GET['as']);
        echo json_encode([Kept::$seen, $held, ONLY_ONCE, ob_get_level(), error_get_last()]);
      `,
      'after.php':
        '<?php echo json_encode([getenv("LEFT"), ini_get("precision"), getcwd(), class_exists("Kept", false)]);',
    });
    expect(code, stderr).toBe(0);
    const host = 'streams.localhost';
    const get = async (path: string) => (await platform.app('streams', path)).text;
    expect(await get('/')).toBe('up');

    const events = await open(platform.port, host, '/events.php');
    const start = performance.now();
    const arrived: { text: string; at: number }[] = [];
    let meanwhile: string | undefined;
    for await (const chunk of events) {
      arrived.push({ text: String(chunk), at: performance.now() - start });
      // A worker waits; another serves.
      if (arrived.length === 1) meanwhile = await get('/');
    }
    expect(arrived.map(({ text }) => text)).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
    expect(meanwhile).toBe('up');
    expect((arrived[2]?.at ?? 0) - (arrived[0]?.at ?? 0)).toBeGreaterThan(600);

    // What nobody reads is not made: what is under way fits into the buffers between.
    const large = await open(platform.port, host, '/large.php');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(Number(await get('/read.php?file=/tmp/sent'))).toBeLessThan(128);
    let bytes = 0;
    for await (const chunk of large) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(256 * 2 ** 20);

    const endless = await open(platform.port, host, '/endless.php');
    await new Promise((resolve) => endless.once('data', resolve));
    endless.destroy();
    await expect.poll(() => get('/read.php?file=/tmp/gone'), { timeout: 20_000 }).toBe('aborted');

    for (const as of ['a', 'b', 'c']) {
      expect(await get(`/state.php?as=${as}`)).toBe(`[["${as}"],["${as}"],"${as}",0,null]`);
      expect(await get('/after.php')).toBe('[false,"14","\\/tmp\\/app",false]');
    }
  });

  it('runs programs: a release command and one-off dynos', async () => {
    const { code, stderr } = await push('commands', {
      Procfile: 'release: php migrate.php up\n',
      'index.php': '<?php echo "up";',
      'migrate.php': `<?php
        $db = new PDO('sqlite::memory:');
        echo PHP_SAPI, " migrates $argv[1] with SQLite ", strlen($db->query('SELECT sqlite_version()')->fetchColumn()) > 3, "\n";
      `,
      'bin/count': `#!/usr/bin/env php
<?php
echo fgets(STDIN) + 1, "\n";
file_put_contents('made.txt', 'made');
fwrite(STDERR, "no more\n");
exit(3);
`,
      'broken.php': '<?php echo "before\n"; nowhere();',
    });
    expect(stderr).toMatch(/Running release command[\s\S]*cli migrates up with SQLite 1/);
    expect(code, stderr).toBe(0);
    expect((await platform.app('commands')).text).toBe('up');

    const run = async (command: string) => {
      const { body } = await platform.api<{ name: string }>('POST', '/apps/commands/dynos', { command });
      const ended = new RegExp(`heroku\\[${body.name.replace('.', '\\.')}\\]: Process exited with status (\\d+)`);
      await expect.poll(() => platform.log('commands'), { timeout: 120_000, interval: 500 }).toMatch(ended);
      const log = await platform.log('commands');
      const lines = log.split('\n').flatMap((line) => line.split(`app[${body.name}]: `)[1] ?? []);
      return { status: Number(ended.exec(log)?.[1]), lines };
    };
    const [inline, script, broken] = await Promise.all([
      run(`php -r 'echo PHP_VERSION, " ", basename(getenv("HOME")), " ", count(getenv()) > 5, " $argc $argv[1]";' a`),
      run('echo 41 | php bin/count; echo "then $?"; cat made.txt'),
      run('php broken.php'),
    ]);
    expect(inline).toEqual({ status: 0, lines: ['8.5.2 app 1 2 a'] });
    expect(script.lines.toSorted()).toEqual(['42', 'made', 'no more', 'then 3']);
    expect(script.status).toBe(0);
    expect(broken.status).toBe(255);
    expect(broken.lines.join('\n')).toMatch(/before[\s\S]*undefined function nowhere\(\)/);
  });

  it('runs the programs of other process types', async () => {
    const { code, stderr } = await push('background', {
      Procfile: "worker: php -d precision=4 work.php 'two words'\nclock: bin/clock\nother: node x.js\n",
      'index.php': '<?php echo "up";',
      'work.php': `<?php
        echo PHP_SAPI, ' ', basename(__FILE__), ' ', json_encode(array_slice($argv, 1)), ' ', 1 / 3, ' ', getenv('DYNO'), "\\n";
        for ($i = 1; $i < 3; $i++) { usleep(200000); echo "job $i\\n"; }
        fwrite(STDERR, "no more\\n");
        while (true) sleep(1);
      `,
      'bin/clock': '#!/usr/bin/env php\n<?php echo "tick\\n"; exit(3);',
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('Process type other does not start: `node x.js` is no program of PHP.');
    await platform.api('PATCH', '/apps/background/formation', {
      updates: [
        { type: 'worker', quantity: 1 },
        { type: 'clock', quantity: 1 },
      ],
    });
    for (const line of [
      /app\[worker\.1\]: .*cli work\.php \["two words"\] 0\.3333 worker\.1/,
      /app\[worker\.1\]: .*job 2/,
      /app\[worker\.1\]: .*no more/,
      /app\[clock\.1\]: .*tick/,
      /heroku\[clock\.1\]: .*Process exited with status 3/,
    ]) {
      await expect.poll(() => platform.log('background'), { timeout: 30_000 }).toMatch(line);
    }
    expect((await platform.app('background')).text).toBe('up');
  });

  it('follows the rules of the web server that the Procfile names', async () => {
    const index = `<?php echo json_encode([$_SERVER['REQUEST_URI'], $_SERVER['SCRIPT_NAME'], $_GET]);`;
    const front = await push('front', {
      Procfile: 'web: heroku-php-apache2 public/\n',
      'public/index.php': index,
      'public/robots.txt': 'User-agent: *',
      'public/.htaccess': `
        RewriteEngine On
        RewriteRule ^old/(.*)$ /new/$1 [R=301,L]
        RewriteCond %{REQUEST_FILENAME} !-d
        RewriteCond %{REQUEST_FILENAME} !-f
        RewriteRule ^(.*)$ index.php?route=$1 [QSA,L]
      `,
      'composer.json': '{"require": {"php": "^8.2", "ext-mbstring": "*"}}',
    });
    expect(front).toMatchObject({ code: 0 });
    expect((await platform.app('front', '/posts/1?page=2')).text).toBe(
      '["\\/posts\\/1?page=2","\\/index.php",{"route":"posts\\/1","page":"2"}]',
    );
    expect((await platform.app('front', '/robots.txt')).text).toBe('User-agent: *');
    const moved = await platform.app('front', '/old/place');
    expect({ status: moved.status, to: moved.headers.location }).toEqual({ status: 301, to: '/new/place' });

    const nginx = await push('nginx', {
      Procfile: 'web: vendor/bin/heroku-php-nginx -C nginx_app.conf web\n',
      'nginx_app.conf':
        'location / { try_files $uri @rewriteapp; }\nlocation @rewriteapp { rewrite ^(.*)$ /app.php$1 last; }\n',
      'web/app.php': index,
      'composer.json': '{}',
    });
    expect(nginx).toMatchObject({ code: 0 });
    expect((await platform.app('nginx', '/a/b')).text).toBe('["\\/a\\/b","\\/app.php",[]]');

    const builtin = await push('builtin', {
      Procfile: 'web: php -S 0.0.0.0:$PORT -t site router.php\n',
      'router.php': `<?php if ($_SERVER['REQUEST_URI'] === '/routed') { echo 'by the router'; return true; } return false;`,
      'site/index.php': index,
      'site/page.html': 'a page',
      'index.php': '',
    });
    expect(builtin).toMatchObject({ code: 0 });
    expect((await platform.app('builtin', '/routed')).text).toBe('by the router');
    expect((await platform.app('builtin', '/page.html')).text).toBe('a page');
    expect((await platform.app('builtin', '/some/where')).text).toBe('["\\/some\\/where","\\/index.php",[]]');
  });

  describe.skipIf(!existsSync(`${INSTALLED}/Slim`))('with packages', () => {
    const app = (locked: object[]) => ({
      Procfile: 'web: heroku-php-apache2 public/\nrelease: twig-lint a b\n',
      'composer.json': JSON.stringify({
        require: { 'slim/slim': '^3.12', 'twig/twig': '^3.0' },
        autoload: { 'psr-4': { 'App\\': 'src/' }, classmap: ['legacy'] },
      }),
      'composer.lock': JSON.stringify({ packages: locked, 'packages-dev': [], platform: { php: '>=8.1' } }),
      'src/Greeter.php': `<?php namespace App; class Greeter { function greet(string $name) { return "Hello, $name"; } }`,
      'legacy/all.php': `<?php class Old_Thing { const AGE = 20; }`,
      'templates/page.html.twig':
        '<h1>{{ greeting }}</h1>{% for n in 1..3 %}<i>{{ n }}</i>{% endfor %} {{ age }} {{ version }}\n',
      'public/.htaccess': 'FallbackResource /index.php\n',
      'public/index.php': `<?php
        require __DIR__ . '/../vendor/autoload.php';
        $app = new Slim\\App();
        $twig = new Twig\\Environment(new Twig\\Loader\\FilesystemLoader(__DIR__ . '/../templates'), ['cache' => '/tmp/twig']);
        $app->get('/hello/{name}', function ($request, $response, $args) use ($twig) {
          $response->getBody()->write($twig->render('page.html.twig', [
            'greeting' => (new App\\Greeter())->greet($args['name']),
            'age' => Old_Thing::AGE,
            'version' => Composer\\InstalledVersions::getPrettyVersion('twig/twig'),
          ]));
          return $response;
        });
        $app->run();
      `,
    });

    it('serves an app of Slim and Twig', async () => {
      const { code, stderr } = await push('slim', app(await slimPackages(files)));
      expect(stderr).toContain('- Installing twig/twig (v3.5.1)');
      expect(stderr).toMatch(/Running release command[\s\S]*bin 3\.5\.1 a,b/);
      expect(code).toBe(0);
      expect(await platform.app('slim', '/hello/%C3%84da')).toMatchObject({
        status: 200,
        text: '<h1>Hello, Äda</h1><i>1</i><i>2</i><i>3</i> 20 v3.5.1\n',
      });
      // Out of what the first request has left compiled.
      expect((await platform.app('slim', '/hello/Bea')).text).toContain('<h1>Hello, Bea</h1>');
      expect((await platform.app('slim', '/nowhere')).status).toBe(404);
    });

    it('refuses a package that is not the one that the lock pins', async () => {
      const wrong = (await slimPackages(files)) as { dist: { shasum: string } }[];
      for (const { dist } of wrong) dist.shasum = '0'.repeat(40);
      const { code, stderr } = await push('wrong', app(wrong));
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/The package \S+ \S+ is not the one that composer.lock pins/);
      const { 'composer.lock': _, ...unlocked } = app(wrong);
      expect((await push('unlocked', unlocked)).stderr).toContain('A composer.lock is required');
    });
  });

  it('names what the platform has not', async () => {
    const version = await push('elderly', { 'index.php': '', 'composer.json': '{"require": {"php": "~7.4.0"}}' });
    expect(version.code).not.toBe(0);
    expect(version.stderr).toContain('composer.json requires php ~7.4.0; Islet has 8.5.2 alone.');
    const extension = await push('extended', { 'index.php': '', 'composer.json': '{"require": {"ext-redis": "*"}}' });
    expect(extension.code).not.toBe(0);
    expect(extension.stderr).toContain('composer.json requires ext-redis, which PHP on Islet has not.');
  });
});
