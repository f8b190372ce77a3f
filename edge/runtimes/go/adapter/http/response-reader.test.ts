import { expect, it } from 'vitest';
import { ResponseReader } from './response-reader.ts';

const bytes = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

/** What a reader makes of a response that comes in pieces of `size` bytes. */
function readAll(text: string, { size = text.length, bodiless = false } = {}) {
  const seen = { status: 0, headers: {}, length: undefined as number | undefined, keepAlive: false, body: '', ends: 0 };
  const reader = new ResponseReader(bodiless, {
    onHead({ headers, status, length, keepAlive }) {
      Object.assign(seen, { status, headers: Object.fromEntries(headers), length, keepAlive });
    },
    onData(data) {
      seen.body += new TextDecoder().decode(data);
    },
    onEnd() {
      seen.ends += 1;
    },
  });
  const all = bytes(text);
  for (let at = 0; at < all.length; at += size) reader.read(all.slice(at, at + size));
  return { seen, reader };
}

const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello';
const chunked =
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
  '5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n';

it.each([1, 2, 7, 1000])('reads a response in pieces of %i bytes', (size) => {
  expect(readAll(whole, { size }).seen).toEqual({
    ...{ status: 200, headers: { 'content-length': '5', 'x-a': '1, 2' }, length: 5 },
    ...{ keepAlive: true, body: 'hello', ends: 1 },
  });
  expect(readAll(chunked, { size }).seen).toEqual({
    ...{ status: 201, headers: {}, length: undefined, keepAlive: false, body: 'hello world', ends: 1 },
  });
});

it('knows which responses have no body', () => {
  expect(readAll('HTTP/1.1 204 No Content\r\n\r\n').seen).toMatchObject({ status: 204, ends: 1, length: 0 });
  expect(readAll('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n').seen).toMatchObject({ ends: 1 });
  const head = readAll('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', { bodiless: true }).seen;
  expect(head).toMatchObject({ headers: { 'content-length': '9' }, ends: 1, body: '' });
});

it('reads a body without a length up to the end of the connection', () => {
  const { seen, reader } = readAll('HTTP/1.0 200 OK\r\n\r\nall of it', { size: 3 });
  expect(seen).toMatchObject({ body: 'all of it', ends: 0, keepAlive: false });
  expect(reader.close()).toBe(true);
  expect(seen.ends).toBe(1);
});

it('tells a response that was cut off', () => {
  expect(readAll(whole.slice(0, -1)).reader.close()).toBe(false);
  expect(readAll(chunked.slice(0, -2)).reader.close()).toBe(false);
});

it.each([
  ['SSH-2.0-Go\r\n\r\n', 'no response of HTTP/1.1'],
  ['HTTP/1.1 200 OK\r\n: 1\r\n\r\n', 'a header without a name'],
  ['HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n', 'content-length is many'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'The size of a chunk is "xyz"'],
  [`${whole}more`, 'more than its response'],
])('refuses %j', (text, message) => {
  expect(() => readAll(text)).toThrow(message);
});
