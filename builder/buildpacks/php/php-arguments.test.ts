import { expect, it } from 'vitest';
import { parsePhp } from './php-arguments.ts';

it('reads what php is to run', () => {
  expect(parsePhp(['artisan', 'migrate', '--force'])).toEqual({
    file: 'artisan',
    args: ['migrate', '--force'],
    settings: [],
  });
  expect(parsePhp(['-d', 'memory_limit=-1', '-ddisplay_errors', '-f', 'a.php', '--', '-x'])).toEqual({
    file: 'a.php',
    args: ['-x'],
    settings: ['memory_limit=-1', 'display_errors=1'],
  });
  expect(parsePhp(['-r', 'echo 1;', 'a'])).toEqual({ code: '<?php echo 1;', args: ['a'], settings: [] });
  expect(parsePhp([])).toEqual({ args: [], settings: [] });
  expect(parsePhp(['--', 'a'])).toEqual({ args: ['a'], settings: [] });
});

it('refuses what is not there', () => {
  expect(parsePhp(['-a'])).toEqual({ refused: 'the option -a is not available here' });
  expect(parsePhp(['-r'])).toEqual({ refused: 'no value for the option -r' });
});
