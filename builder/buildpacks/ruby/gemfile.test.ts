import { expect, it } from 'vitest';
import { readGemfile } from './gemfile.ts';

it('knows what a Gemfile has for development, and what it requires', () => {
  const { entries, ruby } =
    readGemfile(`
    source 'https://gems.example'
    ruby '~> 3.4'
    gem 'rack'
    gem "puma", "~> 6", '< 7' # the server
    gem('dotenv', groups: [:development, :test])
    gem 'bootsnap', require: false
    gem 'tzinfo', require: 'tzinfo/data'
    group :development, :test do
      gem 'debug'
    end
    group :production do
      gem 'pg', require: ['pg', "pg/extras"]
    end
  `) ?? {};
  const development = [...(entries ?? [])].filter(([, entry]) => entry.development).map(([name]) => name);
  expect(development).toEqual(['dotenv', 'debug']);
  expect(entries?.get('rack')).toEqual({ development: false, groups: ['default'], require: ['rack'] });
  expect(entries?.get('bootsnap')?.require).toEqual([]);
  expect(entries?.get('tzinfo')?.require).toEqual(['tzinfo/data']);
  expect(entries?.get('pg')).toEqual({ development: false, groups: ['production'], require: ['pg', 'pg/extras'] });
  expect(ruby).toBe('~> 3.4');
});

it.each([
  "gem 'a' if ENV['B']",
  "if true\n  gem 'a'\nend",
  "gem 'a', path: 'gems/a'",
  "gem 'a', git: 'https://git.example/a.git'",
  "gem 'a', platforms: :jruby",
  "gem 'a', ENV['VERSION']",
  'gem "a", "#{version}"',
  "gem 'a',\n  '~> 1'",
  "eval_gemfile 'more.rb'",
  "ruby file: '.ruby-version'",
  'gemspec',
  "group :production do\n  gem 'a'",
  'end',
  '%w[a b].each { |name| gem name }',
])('leaves to Bundler what it does not understand: %s', (text) => {
  expect(readGemfile(`source 'https://gems.example'\n${text}\n`)).toBeUndefined();
});
