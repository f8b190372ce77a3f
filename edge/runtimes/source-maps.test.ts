import { expect, it } from 'vitest';
import { SourceMaps } from './source-maps.ts';

/** The second line of the bundle, from its fifth column on, is the tenth line of src/server.ts. */
const map = JSON.stringify({ version: 3, sources: ['src/server.ts'], names: [], mappings: ';IASA' });
const maps = new SourceMaps({ 'web.cjs': 'a'.repeat(64), 'lost.cjs': 'b'.repeat(64) }, async (sha256) => {
  if (!sha256.startsWith('a')) throw new Error('not there');
  return map;
});

it('names the places of the app', async () => {
  expect(await maps.original('    at handler (code/web.cjs:2:5)')).toBe('    at handler (/tmp/app/src/server.ts:10:1)');
  expect(await maps.original('{"stack":"at code/web.cjs:2:9\\n"}')).toBe(
    '{"stack":"at /tmp/app/src/server.ts:10:1\\n"}',
  );
});

it('leaves what it does not know', async () => {
  for (const line of ['at code/web.cjs:1:1', 'at code/lost.cjs:2:5', 'at code/other.cjs:2:5', 'nothing']) {
    expect(await maps.original(line)).toBe(line);
  }
});

it('tells lines apart', () => {
  expect(maps.concerns('at code/web.cjs:2:5')).toBe(true);
  expect(maps.concerns('code/web.cjs')).toBe(false);
  expect(maps.isOwnFrame('    at run (adapter.js:2034:9)')).toBe(true);
  expect(maps.isOwnFrame('    at adapter.js:2034:9')).toBe(true);
  expect(maps.isOwnFrame('see adapter.js:2034:9')).toBe(false);
});
