import { expect, it } from 'vitest';
import { appHeaders, requestIdOf } from './request-headers.ts';

const arrival = { ip: '192.0.2.7', requestId: 'an-id', publicPort: '5000' };

it('adds what Heroku adds', () => {
  const before = Date.now();
  const request = new Request('http://a.localhost/', { headers: { accept: '*/*' } });
  const { 'x-request-start': start, ...headers } = appHeaders(request, arrival);
  expect(Number(start)).toBeGreaterThanOrEqual(before);
  expect(headers).toEqual({
    accept: '*/*',
    via: '1.1 islet',
    'x-forwarded-for': '192.0.2.7',
    'x-forwarded-port': '5000',
    'x-forwarded-proto': 'http',
    'x-request-id': 'an-id',
  });
});

it('puts the address after those that the client claims', () => {
  const request = new Request('http://a.localhost/', { headers: { 'x-forwarded-for': '10.0.0.1' } });
  expect(appHeaders(request, arrival)['x-forwarded-for']).toBe('10.0.0.1, 192.0.2.7');
});

it.each([
  ['https://a.example/', '', 'https', '443'],
  ['http://a.example/', '', 'http', '80'],
])('names scheme and port of %s', (url, publicPort, proto, port) => {
  const headers = appHeaders(new Request(url), { ...arrival, publicPort });
  expect(headers['x-forwarded-proto']).toBe(proto);
  expect(headers['x-forwarded-port']).toBe(port);
});

it('drops what concerns the connection, also what the client says does', () => {
  const headers = {
    connection: 'x-mine, not a name',
    'keep-alive': '5',
    te: 'trailers',
    upgrade: 'h2c',
    'x-mine': '1',
  };
  const names = Object.keys(appHeaders(new Request('http://a/', { headers }), arrival));
  expect(names.filter((name) => name in headers)).toEqual([]);
});

it.each([
  ['a-valid-id-of-twenty-characters', true],
  ['1b4e28ba-2fa1-11d2-883f-0016d3cca427', true],
  ['short', false],
  ['x'.repeat(201), false],
  ['spaces are not allowed in it', false],
])('takes the client’s request id %s: %s', (given, taken) => {
  const id = requestIdOf(new Request('http://a/', { headers: { 'x-request-id': given } }));
  if (taken) expect(id).toBe(given);
  else expect(id).toMatch(/^[0-9a-f-]{36}$/);
});

it('lets a WebSocket upgrade through, and no other', () => {
  const arrival = { ip: '192.0.2.1', requestId: 'x', publicPort: '' };
  const upgraded = (protocol: string) =>
    appHeaders(new Request('http://a.example/', { headers: { connection: 'Upgrade', upgrade: protocol } }), arrival)
      .upgrade;
  expect(upgraded('WebSocket')).toBe('websocket');
  expect(upgraded('h2c')).toBeUndefined();
});
