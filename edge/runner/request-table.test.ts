import { expect, it } from 'vitest';
import type { WaitingRequest } from '../router/router-log.ts';
import { MARKER_BYTES, RequestTable, readTable, SLOT_BYTES, TABLE_BYTES } from './request-table.ts';

const request = (change: Partial<WaitingRequest> = {}): WaitingRequest => ({
  app: '01234567-89ab-cdef-0123-456789abcdef',
  dyno: 'web.1',
  at: 1_790_000_000_000,
  method: 'GET',
  protocol: 'http',
  requestId: 'an-id-of-20-characters',
  host: 'shop.localhost',
  forwardedFor: '203.0.113.7',
  path: '/cart?items=2',
  ...change,
});

it('has those that wait, and no others', () => {
  const table = new RequestTable('word');
  const [first, second, third] = ['/1', '/2', '/3'].map((path) => table.enter(request({ path })));
  second?.();
  expect([...readTable(table.bytes)]).toEqual([request({ path: '/1' }), request({ path: '/3' })]);
  table.enter(request({ path: '/4' }));
  expect([...readTable(table.bytes)].map(({ path }) => path).sort()).toEqual(['/1', '/3', '/4']);
  first?.();
  third?.();
  expect([...readTable(table.bytes)].map(({ path }) => path)).toEqual(['/4']);
});

it('begins with what only its reader can guess', () => {
  const { bytes } = new RequestTable('word');
  expect(new TextDecoder().decode(bytes.subarray(0, MARKER_BYTES))).not.toContain('word');
  expect(bytes.subarray(0, 4)).toEqual(new RequestTable('word').bytes.subarray(0, 4));
  expect(bytes.subarray(0, 4)).not.toEqual(new RequestTable('ward').bytes.subarray(0, 4));
});

it('cuts a path that does not fit', () => {
  const table = new RequestTable('word');
  table.enter(request({ path: `/${'x'.repeat(5_000)}`, forwardedFor: '1'.repeat(5_000) }));
  const [{ path, host } = request()] = readTable(table.bytes);
  expect(host).toBe('shop.localhost');
  expect(path).toMatch(/^\/x{500,1000}$/);
});

it('takes no more than it has room for, until some are so old that their clients are gone', () => {
  const table = new RequestTable('word');
  const slots = (TABLE_BYTES - MARKER_BYTES) / SLOT_BYTES;
  const [leave] = Array.from({ length: slots + 10 }, () => table.enter(request()));
  expect([...readTable(table.bytes)]).toHaveLength(slots);
  table.enter(request({ at: request().at + 70_000, path: '/late' }));
  const late = () => [...readTable(table.bytes)].filter(({ path }) => path === '/late').length;
  expect(late()).toBe(1);
  // The first that was forgotten is answered after all.
  leave?.();
  expect(late()).toBe(1);
});
