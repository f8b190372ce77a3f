import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SecretKey } from './secret-key.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'islet-key-'));
  file = join(directory, 'secret-key');
});

afterEach(() => rmSync(directory, { recursive: true }));

it('is made once, for its user only', () => {
  const { current, previous } = new SecretKey(file);
  expect(Buffer.from(current, 'base64')).toHaveLength(32);
  expect(previous).toBeUndefined();
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(new SecretKey(file).current).toBe(current);
});

it('keeps the key before until nothing needs it, whatever is stopped when', () => {
  const key = new SecretKey(file);
  const old = key.current;
  key.replace();
  const afterStop = new SecretKey(file);
  expect(afterStop.previous).toBe(old);
  expect(afterStop.current).not.toBe(old);
  expect(() => afterStop.replace()).toThrow('still in use');
  afterStop.forgetPrevious();
  expect(new SecretKey(file).previous).toBeUndefined();
  expect(readFileSync(file, 'utf8')).toBe(`${afterStop.current}\n`);
});

it.each(['', 'short', 'AAAA\nBBBB\nCCCC'])('refuses %j', (text) => {
  writeFileSync(file, text);
  expect(() => new SecretKey(file)).toThrow(`The secret key ${file} is not 32 bytes in base64`);
});
