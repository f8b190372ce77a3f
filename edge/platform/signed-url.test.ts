import { afterEach, expect, it, vi } from 'vitest';
import { isSigned, laterDay, signUrl } from './signed-url.ts';

const key = new Uint8Array(32).fill(1).toBase64();
const url = new URL('http://localhost:5000/sources/one?part=2');

afterEach(() => {
  vi.useRealTimers();
});

it('holds for the method, path and query it was made for, on any host', async () => {
  const signed = new URL(await signUrl(key, 'PUT', url, Date.now() + 1000));
  expect(signed.searchParams.get('part')).toBe('2');
  expect(await isSigned(key, 'PUT', signed)).toBe(true);
  expect(await isSigned(key, 'PUT', new URL(signed.href.replace('localhost:5000', 'api.example.com')))).toBe(true);
  expect(await isSigned(key, 'GET', signed)).toBe(false);
  expect(await isSigned(key, 'PUT', new URL(signed.href.replace('one', 'two')))).toBe(false);
  expect(await isSigned(key, 'PUT', new URL(signed.href.replace('part=2', 'part=3')))).toBe(false);
  expect(await isSigned(key, 'PUT', new URL(signed.href.replace(/expires=\d/, 'expires=9')))).toBe(false);
  expect(await isSigned(new Uint8Array(32).toBase64(), 'PUT', signed)).toBe(false);
  expect(await isSigned(key, 'PUT', url)).toBe(false);
});

it('expires', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const signed = new URL(await signUrl(key, 'GET', url, Date.now() + 1000));
  vi.setSystemTime(Date.now() + 1001);
  expect(await isSigned(key, 'GET', signed)).toBe(false);
});

it('finds one time for all of a day, a day away or more', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1, 0, 0) });
  const first = laterDay();
  vi.setSystemTime(Date.UTC(2026, 0, 1, 23, 59));
  expect(laterDay()).toBe(first);
  expect(new Date(first)).toEqual(new Date(Date.UTC(2026, 0, 3)));
});
