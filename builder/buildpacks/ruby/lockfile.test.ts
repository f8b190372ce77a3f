import { expect, it } from 'vitest';
import { parseGemfile } from './gemfile.ts';
import { forEngine, parseLockfile } from './lockfile.ts';

const lock = `GEM
  remote: https://gems.example/
  specs:
    nokogiri (1.18.0-x86_64-linux-gnu)
      racc (~> 1.4)
    racc (1.8.1)
    rack (3.1.8)
    rack-session (2.0.0)
      rack (>= 3.0.0)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  nokogiri
  rack-session (~> 2.0)!

CHECKSUMS
  rack (3.1.8) sha256=${'a'.repeat(64)}
  rack-session (2.0.0)

RUBY VERSION
   ruby 3.4.1p0

BUNDLED WITH
   2.6.2
`;

it('reads gems with what they need, their server and their hash', () => {
  const { gems, dependencies, ruby } = parseLockfile(lock);
  expect(gems.find(({ name }) => name === 'rack-session')).toEqual({
    name: 'rack-session',
    version: '2.0.0',
    platform: 'ruby',
    dependencies: ['rack'],
    remote: 'https://gems.example/',
  });
  expect(gems.find(({ name }) => name === 'rack')?.sha256).toBe('a'.repeat(64));
  expect(dependencies).toEqual(['nokogiri', 'rack-session']);
  expect(ruby).toBe('3.4.1');
});

it('takes the gem for any platform where the lock has only one for another', () => {
  const nokogiri = forEngine(parseLockfile(lock).gems).find(({ name }) => name === 'nokogiri');
  expect(nokogiri).toMatchObject({ version: '1.18.0', platform: 'ruby' });
});

it('refuses a lock with a merge conflict', () => {
  expect(() => parseLockfile('GEM\n<<<<<<< HEAD\n')).toThrow('Gemfile.lock has a merge conflict in line 2.');
});

it('knows what a Gemfile has for development, and what it requires', () => {
  const entries = parseGemfile(`
    source 'https://gems.example'
    gem 'rack'
    gem "puma", "~> 6" # the server
    gem 'dotenv', groups: [:development, :test]
    gem 'bootsnap', require: false
    gem 'tzinfo', require: 'tzinfo/data'
    group :development, :test do
      gem 'debug'
      if ENV['X']
        gem 'byebug'
      end
    end
    group :production do
      gem 'pg'
    end
  `);
  const development = [...entries].filter(([, entry]) => entry.development).map(([name]) => name);
  expect(development).toEqual(['dotenv', 'debug', 'byebug']);
  expect(entries.get('bootsnap')?.require).toEqual([]);
  expect(entries.get('tzinfo')?.require).toEqual(['tzinfo/data']);
});
