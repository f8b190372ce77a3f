/** Needs Debian's packages ruby and ruby-sinatra, for some of them ruby-grape and ruby-rails, whose gems a server on loopback gives. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GemServer } from './support/gem-server.ts';
import { Platform } from './support/platform.ts';
import { railsApp } from './support/rails-app.ts';
import { Repository } from './support/repository.ts';

const INSTALLED = '/usr/share/rubygems-integration/all/specifications';

describe.skipIf(!existsSync(INSTALLED))('Ruby', () => {
  let platform: Platform;
  let gems: GemServer;
  const repositories: Repository[] = [];

  beforeAll(async () => {
    gems = await GemServer.start();
    platform = await Platform.start({ TRUSTED_HOSTS: new URL(gems.url).host });
  });
  afterAll(async () => {
    for (const repository of repositories) await repository.destroy();
    await platform?.destroy();
    await gems?.stop();
  });

  async function push(
    name: string,
    files: Record<string, string>,
    config?: Record<string, string>,
  ): Promise<{ code: number; stderr: string }> {
    const repository = await Repository.create(files);
    repositories.push(repository);
    await platform.api('POST', '/apps', { name });
    if (config) await platform.api('PATCH', `/apps/${name}/config-vars`, config);
    return repository.git('push', platform.remote(name), 'main');
  }

  it('serves a Rack app', async () => {
    const { code, stderr } = await push('racky', {
      ...(await gems.bundle(['rack'])),
      'config.ru': `
      require 'bundler/setup'
      Bundler.require
      require 'net/http'
      require 'securerandom'
      require 'openssl'
      RANDOM = [rand, Random.new.rand, SecureRandom.hex, OpenSSL::Random.random_bytes(8).unpack1('H*'), [*1..40].shuffle.join]
      use Rack::ETag
      run lambda { |env|
        request = Rack::Request.new(env)
        warn "saw #{request.path}"
        raise 'on purpose' if request.path == '/fail'
        next [200, {}, [RANDOM.join(' ')]] if request.path == '/random'
        env['rack.hijack'].call if request.path == '/hijack'
        next [200, { 'rack.hijack' => ->(io) { io << 'part'; io.close } }, []] if request.path == '/partial'
        if request.path == '/stream'
          pieces = Enumerator.new { |body| 3.times { |at| body << "piece #{at}\\n"; sleep 0.05 } }
          next [200, { 'Content-Type' => 'text/plain', 'ETag' => '"1"' }, pieces]
        end
        if request.path == '/out'
          answer = begin
            Net::HTTP.start('example.com') { |http| http.request(Net::HTTP::Get.new(request.params['url'])) }
          rescue SystemCallError => error
            next [200, {}, [error.class.name]]
          end
          next [200, {}, ["#{answer.code} #{answer['content-type']} #{answer.body}"]]
        end
        body = [request.request_method, request.path, request.query_string, request.params.to_a.inspect,
                ENV['GREETING'], request.ip, request.url].join("\\n")
        [200, { 'Content-Type' => 'text/plain' }, [body]]
      }
    `,
    });
    expect(stderr).toContain('Ruby app detected');
    expect(stderr).toContain('Using Ruby version: ruby-4.0.0');
    expect(code).toBe(0);
    await platform.api('PATCH', '/apps/racky/config-vars', { GREETING: 'hello' });
    const answer = await platform.app('racky', '/a/b?x=1', {
      method: 'POST',
      body: 'y=%C3%A9',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.text.split('\n').slice(0, 5)).toEqual(['POST', '/a/b', 'x=1', '[["x", "1"], ["y", "é"]]', 'hello']);
    expect(answer.headers.etag).toBeDefined();
    expect((await platform.app('racky', '/fail')).status).toBe(500);
    expect((await platform.app('racky', '/hijack')).status).toBe(500);
    await expect.poll(() => platform.log('racky'), { timeout: 20_000 }).toContain('has no socket to take over');
    expect((await platform.app('racky', '/partial')).text).toBe('part');
    // Processes start from one memory, and have nothing random in common.
    const random = async () => (await platform.app('racky', '/random')).text.split(' ');
    const first = await random();
    await platform.api('DELETE', '/apps/racky/dynos');
    await expect
      .poll(async () => (await random()).filter((value) => first.includes(value)), { timeout: 20_000 })
      .toEqual([]);
    expect(first).toHaveLength(5);
    const streamed = await platform.app('racky', '/stream');
    expect(streamed.text).toBe('piece 0\npiece 1\npiece 2\n');
    expect(streamed.headers['content-length']).toBeUndefined();
    // The way out is fetch, which does not lead to this machine.
    const out = async (url: string) => (await platform.app('racky', `/out?url=${encodeURIComponent(url)}`)).text;
    const [data, refused] = await Promise.all([out('data:text/plain,to%20be%20read'), out(`${platform.url}/health`)]);
    expect(data).toBe('200 text/plain to be read');
    expect(refused).toBe('Errno::ECONNREFUSED');
    await expect.poll(() => platform.log('racky'), { timeout: 20_000 }).toContain('saw /a/b');
    await expect.poll(() => platform.log('racky'), { timeout: 20_000 }).toContain('on purpose');
  });

  it('serves Sinatra in its classic form, with ERB, sessions and static files', async () => {
    const { code, stderr } = await push('sinatra-app', {
      ...(await gems.bundle(['sinatra', 'webrick'], {
        sinatra: ['mustermann', 'rack', 'rack-protection', 'tilt'],
        mustermann: ['ruby2_keywords'],
        'rack-protection': ['rack'],
      })),
      Procfile: 'web: bundle exec ruby app.rb -p $PORT\n',
      'app.rb': `
      require 'sinatra'
      enable :sessions
      set :session_secret, 'a' * 64
      get('/') { @name = params[:name] || 'you'; erb :index }
      get('/count') { session[:count] = (session[:count] || 0) + 1; session[:count].to_s }
      post('/echo') { content_type 'application/octet-stream'; request.body.read }
    `,
      'views/index.erb': '<h1>Hello, <%= Rack::Utils.escape_html(@name) %></h1>',
      'public/style.css': 'body {}',
    });
    expect(stderr).toContain('Provided by the platform: webrick');
    expect(code).toBe(0);
    expect((await platform.app('sinatra-app', '/?name=%3CAda%3E')).text).toBe('<h1>Hello, &lt;Ada&gt;</h1>');
    expect((await platform.app('sinatra-app', '/style.css')).headers['content-type']).toContain('text/css');
    const first = await platform.app('sinatra-app', '/count');
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? '';
    expect((await platform.app('sinatra-app', '/count', { headers: { cookie } })).text).toBe('2');
    const echoed = await platform.app('sinatra-app', '/echo', { method: 'POST', body: 'bytes \u00e9' });
    expect(echoed.text).toBe('bytes \u00e9');
    expect((await platform.app('sinatra-app', '/nothing')).status).toBe(404);
  });

  it('runs programs: a release command, a worker, one-off dynos', async () => {
    const { code, stderr } = await push('programs', {
      ...(await gems.bundle(['rack', 'rake'])),
      Procfile: [
        'web: bundle exec rackup',
        'release: bundle exec rake db:migrate',
        'worker: bundle exec ruby worker.rb 3',
      ].join('\n'),
      Rakefile: `
        require 'fileutils'
        namespace(:assets) do
          task(:precompile) do
            mkdir_p 'public/assets'
            File.write('public/assets/app.css', "/* #{ENV.fetch('RAILS_ENV')} */")
            puts 'compiled'
          end
        end
        namespace(:db) do
          desc 'Migrate'
          task(:migrate) { puts "migrated by #{RUBY_ENGINE} for #{ENV['RACK_ENV']}" }
        end
      `,
      'config.ru': 'run lambda { |env| [200, {}, ["up", File.read("public/assets/app.css")]] }',
      'worker.rb': `
        at_exit { puts 'left' }
        Integer(ARGV.first).times { |at| puts "tick #{at}"; sleep 0.05 }
        puts __FILE__ == $0, DATA.read
        sleep
        __END__
        the data
      `.replace(/^ {8}/gm, ''),
      'count.rb': '#!/usr/bin/env ruby\nputs gets.to_i + 1\nFile.write("made.txt", "made")\nabort "no more"\n',
    });
    expect(stderr).toMatch(/Running: rake assets:precompile[\s\S]*compiled/);
    expect(stderr).toMatch(/Running release command[\s\S]*migrated by ruby for production/);
    expect(code, stderr).toBe(0);
    expect((await platform.app('programs')).text).toBe('up/* production */');

    const run = async (command: string) => {
      const { body } = await platform.api<{ name: string }>('POST', '/apps/programs/dynos', { command });
      const ended = new RegExp(`heroku\\[${body.name.replace('.', '\\.')}\\]: Process exited with status (\\d+)`);
      await expect.poll(() => platform.log('programs'), { timeout: 120_000, interval: 500 }).toMatch(ended);
      const log = await platform.log('programs');
      const lines = log.split('\n').flatMap((line) => line.split(`app[${body.name}]: `)[1] ?? []);
      return { status: Number(ended.exec(log)?.[1]), text: lines.join('\n') };
    };
    const [version, tasks, script] = await Promise.all([
      run("ruby -e 'puts RUBY_VERSION, ARGV.inspect; exit 3' a b"),
      run('bundle exec rake -T && which rake'),
      run('echo 41 | ruby count.rb; cat made.txt'),
    ]);
    expect(version).toEqual({ status: 3, text: '4.0.0\n["a", "b"]' });
    expect(tasks).toEqual({ status: 0, text: 'rake db:migrate  # Migrate\n/app/vendor/bundle/bin/rake' });
    expect(script).toEqual({ status: 0, text: '42\nno more\nmade' });

    await platform.api('PATCH', '/apps/programs/formation', { updates: [{ type: 'worker', quantity: 1 }] });
    await expect
      .poll(() => platform.log('programs'), { timeout: 60_000 })
      .toMatch(/tick 0[\s\S]*tick 1[\s\S]*tick 2[\s\S]*true[\s\S]*the data/);
    expect((await platform.app('programs')).text).toBe('up/* production */');
  });

  it('runs threads as fibers that wait for each other', async () => {
    const { code, stderr } = await push('threads', {
      ...(await gems.bundle(['rack'])),
      'config.ru': `
      require 'monitor'
      require 'timeout'
      RESULTS = {}
      def check(name)
        RESULTS[name] = begin
          yield
        rescue StandardError => error
          "#{error.class}: #{error.message}"
        end
      end
      def count(lock)
        sum = 0
        Array.new(3) { Thread.new { lock.synchronize { seen = sum; sleep 0.01; sum = seen + 1 } } }.each(&:join)
        sum
      end
      check(:value) { Thread.new(20) { |number| number + 1 }.value }
      check(:mutex) { count(Mutex.new) }
      check(:monitor) { count(Monitor.new) }
      check(:queue) do
        queue = SizedQueue.new(1)
        Thread.new { 3.times { |at| queue << at }; queue << nil }
        [queue.pop, queue.pop, queue.pop, queue.pop].compact
      end
      check(:condition) do
        lock, changed, done = Mutex.new, ConditionVariable.new, false
        waiting = Thread.new { lock.synchronize { changed.wait(lock) until done; 'woken' } }
        Thread.new { lock.synchronize { done = true; changed.signal } }
        waiting.value
      end
      check(:error) { Thread.new { Thread.current.report_on_exception = false; raise 'on purpose' }.join }
      check(:killed) { thread = Thread.new { sleep }; sleep 0.01; thread.kill.join.status }
      check(:locals) { Thread.new { Thread.current[:a] = 1; [Thread.current[:a], Thread.main[:a]] }.value }
      check(:pop) { Queue.new.pop(timeout: 0.01) }
      check(:join) { Thread.new { sleep 1 }.join(0.01) }
      check(:timeout) { Timeout.timeout(0.01) { sleep 5 } }
      check(:deadlock) { Queue.new.tap { |queue| queue.pop }  }
      JOBS, DONE = Queue.new, []
      Thread.new { while (job = JOBS.pop); DONE << job; end }
      run lambda { |env| JOBS << env['PATH_INFO']; [200, {}, [env['PATH_INFO'] == '/' ? RESULTS.inspect : DONE.join(' ')]] }
    `,
    });
    expect(code, stderr).toBe(0);
    // The thread that sleeps for a second could still end the last wait; when it does not, the process is told.
    expect((await platform.app('threads')).text).toBe(
      '{value: 21, mutex: 3, monitor: 3, queue: [0, 1, 2], condition: "woken", error: "RuntimeError: on purpose", ' +
        'killed: false, locals: [1, nil], pop: nil, join: nil, timeout: "Timeout::Error: execution expired", ' +
        'deadlock: "ThreadError: No live threads left. Deadlock?"}',
    );
    await expect.poll(async () => (await platform.app('threads', '/done')).text).toMatch(/^\/ \/done/);
  });

  it('serves Grape, whose gems come by Bundler', async ({ skip }) => {
    skip(!(await gems.has('grape')), "Debian's ruby-grape is not installed.");
    const { code, stderr } = await push('grape', {
      Gemfile: `source '${gems.url}'\ngem 'grape'\n`,
      'config.ru': `
        Bundler.require
        class API < Grape::API
          format :json
          prefix :api
          params { requires :number, type: Integer, values: 1..9 }
          get('double/:number') { { double: params[:number] * 2 } }
          resource(:notes) { params { requires :text }; post { { text: params[:text] } } }
        end
        run API
      `,
    });
    expect(code, stderr).toBe(0);
    expect((await platform.app('grape', '/api/double/4')).text).toBe('{"double":8}');
    const wrong = await platform.app('grape', '/api/double/x');
    expect([wrong.status, wrong.text]).toEqual([
      400,
      '{"error":"number is invalid, number does not have a valid value"}',
    ]);
    const body = '{"text":"é"}';
    const made = await platform.app('grape', '/api/notes', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect([made.status, made.text]).toEqual([201, body]);
  });

  it('serves Rails: a page of ERB, and JSON', async ({ skip }) => {
    skip(!(await gems.has('rails')), "Debian's ruby-rails is not installed.");
    const { code, stderr } = await push('rails', railsApp(gems.url), { SECRET_KEY_BASE: 'a'.repeat(64) });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/Provided by the platform: .*nokogiri \(in name only\)/);
    expect(stderr).toContain('Default types for buildpack -> web');
    const page = await platform.app('rails', '/?name=%3CAda%3E');
    expect(page.text).toContain('<h1>Hello, &lt;Ada&gt;: 1</h1>');
    expect(page.text).toContain('<form action="/items"');
    const cookie = String(page.headers['set-cookie']).split(';')[0] ?? '';
    expect((await platform.app('rails', '/', { headers: { cookie } })).text).toContain('Hello, you: 2');
    expect((await platform.app('rails', '/items')).text).toBe(
      '{"items":[1,2],"at":"1970-01-01T00:00:00.000Z","price":"1.5"}',
    );
    expect((await platform.app('rails', '/nothing')).status).toBe(404);
    expect((await platform.app('rails', '/strip')).status).toBe(500);
    await expect.poll(() => platform.log('rails'), { timeout: 20_000 }).toContain('Nokogiri has native code');
    expect(await platform.log('rails')).toContain('Completed 200 OK');
  });

  it('resolves a Gemfile without a lock, by Bundler', async () => {
    const { code, stderr } = await push(
      'lockless',
      {
        Gemfile: `
        source '${gems.url}'
        ruby file: '.ruby-version'
        eval_gemfile 'more.rb'
        gem 'greeting', path: 'gems/greeting'
        gem 'puma'
        gem 'nokogiri', platforms: :jruby
        gem 'webrick', group: :development
      `,
        'more.rb': "gem 'sinatra', '~> 3.0', require: 'sinatra/base' if ENV['WITH_SINATRA']\n",
        '.ruby-version': '3.4.1\n',
        'gems/greeting/greeting.gemspec': `
        Gem::Specification.new do |spec|
          spec.name, spec.version, spec.authors, spec.summary = 'greeting', '0.1', ['Ada'], 'Greets'
          spec.files = \`git ls-files -z\`.split("\0")
          spec.add_dependency 'tilt', '>= 2'
        end
      `,
        'gems/greeting/lib/greeting.rb': 'module Greeting\n  def self.to(name) = "Hello, #{name}!"\nend\n',
        'config.ru': `
        Bundler.require
        class Site < Sinatra::Base
          get('/') { [Greeting.to('Ada'), Tilt::VERSION.to_i, Gem.loaded_specs['greeting'].full_gem_path].join(' ') }
        end
        run Site
      `,
      },
      { WITH_SINATRA: 'yes' },
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('Resolving dependencies with Bundler 4.0.3');
    expect(stderr).toContain('The Gemfile asks for Ruby 3.4.1; Islet has 4.0.0 alone.');
    expect(stderr).toContain('There is no Gemfile.lock: the next build may get other versions.');
    expect(stderr).toMatch(/Provided by the platform: puma/);
    expect((await platform.app('lockless')).text).toBe('Hello, Ada! 2 /tmp/app/gems/greeting');
  });

  it.each([
    ['the older index', (url: string) => `source '${url}old/'\ngem 'rack'\n`, /Bundle complete: 1 gems/],
    [
      'a version that is not there',
      (url: string) => `source '${url}'\ngem 'rack', '> 9'\n`,
      /Could not find gem 'rack \(> 9\)'/,
    ],
    ['native code', (url: string) => `source '${url}'\ngem 'nokogiri'\n`, /The gem nokogiri [\d.]+ has native code/],
    [
      'a lock that is behind',
      (url: string) => `source '${url}'\ngem 'rack'\ngem 'tilt' unless ENV['X']\n`,
      /You have added to the Gemfile:[\s\S]*tilt/,
    ],
  ])('says what Bundler makes of a Gemfile: %s', async (what, gemfile, message) => {
    const lock = what.includes('behind') ? await gems.bundle(['rack']) : {};
    const files = {
      ...lock,
      Gemfile: gemfile(gems.url),
      'config.ru': 'run lambda { |env| [200, {}, [Rack.release]] }',
    };
    const { stderr } = await push(what.replaceAll(' ', '-'), files);
    expect(stderr).toMatch(message);
  });

  it('takes gems from the cache of all builds', async () => {
    const before = gems.requests.filter((url) => url.endsWith('.gem')).length;
    const { stderr } = await push('again', {
      ...(await gems.bundle(['rack'])),
      'config.ru': 'run lambda { |env| [200, {}, ["again"]] }',
    });
    expect(stderr).toContain('Bundle complete: 1 gems (0 fetched)');
    expect(gems.requests.filter((url) => url.endsWith('.gem'))).toHaveLength(before);
    expect((await platform.app('again')).text).toBe('again');
  });

  it('refuses a gem that is not the one that is locked', async () => {
    const files = await gems.bundle(['rack']);
    const rack = `rack (${await gems.versionOf('rack')})`;
    const { code, stderr } = await push('tampered', {
      ...files,
      'Gemfile.lock': `${files['Gemfile.lock']}\nCHECKSUMS\n  ${rack} sha256=${'0'.repeat(64)}\n`,
      'config.ru': 'run lambda { |env| [200, {}, []] }',
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('is not the one that Gemfile.lock pins');
  });

  it.each([
    [
      'a wrong gemfile',
      { Gemfile: "source 'https://example.com'\ngem 'a', pith: 'b'\n" },
      'You passed :pith as an option for gem',
    ],
    [
      'a gem from git',
      {
        Gemfile: '',
        'Gemfile.lock': 'GIT\n  remote: https://example.com/a.git\n  specs:\n    a (1.0)\n\nGEM\n  specs:\n',
      },
      'Gemfile.lock takes a from a git repository.',
    ],
    [
      'a private address',
      {
        Gemfile: '',
        'Gemfile.lock': 'GEM\n  remote: http://127.0.0.1:1/\n  specs:\n    a (1.0)\n\nDEPENDENCIES\n  a\n',
      },
      'The gem a 1.0 must have an https URL.',
    ],
    ['nothing to start', { Gemfile: '', 'Gemfile.lock': 'GEM\n  specs:\n' }, 'Nothing says how to start this app.'],
  ])('says what is wrong: %s', async (what, files, message) => {
    const { code, stderr } = await push(what.replaceAll(' ', '-'), files);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
