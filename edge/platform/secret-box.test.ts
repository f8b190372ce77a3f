import { expect, it } from 'vitest';
import { open, seal } from './secret-box.ts';

const key = new Uint8Array(32).fill(7).toBase64();

it('opens what it sealed, and never seals alike twice', async () => {
  const first = await seal(key, 'app/1', 'päss');
  expect(await open(key, 'app/1', first)).toBe('päss');
  expect(first).not.toContain('päss');
  expect(await seal(key, 'app/1', 'päss')).not.toBe(first);
});

it('refuses another context, another key and a changed byte', async () => {
  const sealed = await seal(key, 'app/1', 'secret');
  await expect(open(key, 'app/2', sealed)).rejects.toThrow();
  await expect(open(new Uint8Array(32).fill(8).toBase64(), 'app/1', sealed)).rejects.toThrow();
  const [version, iv, text = ''] = sealed.split(':');
  const changed = `${version}:${iv}:${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
  await expect(open(key, 'app/1', changed)).rejects.toThrow();
});
