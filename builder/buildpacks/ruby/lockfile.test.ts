import { expect, it } from 'vitest';
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

it('reads gems that are in directories of the app', () => {
  const { gems } = parseLockfile(
    'PATH\n  remote: gems/own\n  specs:\n    own (0.1)\n      rack\n\nGEM\n  specs:\n    rack (3.1.8)\n',
  );
  expect(gems.map(({ name, isLocal, dependencies }) => [name, isLocal, dependencies])).toEqual([
    ['own', true, ['rack']],
    ['rack', undefined, []],
  ]);
});
