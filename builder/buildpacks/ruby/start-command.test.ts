import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../testing.ts';
import { resolveStart } from './start-command.ts';

function tree(...files: string[]): string {
  const directory = temporaryDirectory();
  for (const file of files) {
    mkdirSync(join(directory, file, '..'), { recursive: true });
    writeFileSync(join(directory, file), '');
  }
  return directory;
}

describe('resolveStart', () => {
  it.each([
    'rackup',
    'bundle exec rackup config.ru -p $PORT',
    'bundle exec puma -C config/puma.rb',
    'puma -t 5:5 -p $PORT -e production',
    'bundle exec thin start -p $PORT',
    'bundle exec unicorn -p $PORT -c ./config/unicorn.rb',
    'RAILS_MAX_THREADS=3 bin/rails server -p $PORT -e $RAILS_ENV',
    'bundle exec rails s',
  ])('serves config.ru by `%s`', (command) => {
    expect(resolveStart(command, tree('config.ru'))).toEqual({ kind: 'rackup', file: 'config.ru' });
  });

  it('serves the .ru file that is named', () => {
    expect(resolveStart('thin start -R site.ru', tree('site.ru'))).toEqual({ kind: 'rackup', file: 'site.ru' });
    expect(() => resolveStart('puma', tree())).toThrow('The Procfile starts config.ru, which is not there.');
  });

  it('runs scripts, and knows no other commands', () => {
    expect(resolveStart('bundle exec ruby app.rb -p $PORT', tree('app.rb'))).toEqual({
      kind: 'script',
      file: 'app.rb',
      args: ['-p', '$PORT'],
    });
    expect(resolveStart('nginx', tree())).toBeUndefined();
  });
});
