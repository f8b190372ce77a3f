import { expect, it } from 'vitest';
import { isControlHost, requestedHost } from './hosts.ts';

it.each([
  ['app.localhost:5000', 'app.localhost'],
  ['App.Example.ORG.', 'app.example.org'],
  ['[::1]:5000', '[::1]'],
  ['127.0.0.1', '127.0.0.1'],
  ['', ''],
])('reads the Host %s as %s', (header, host) => {
  expect(requestedHost(new Request('http://x/', { headers: { host: header } }))).toBe(host);
});

it('knows the control plane’s own hosts', () => {
  for (const host of ['localhost', '127.0.0.1', '[::1]', 'api.example.org']) {
    expect(isControlHost(host, 'example.org')).toBe(true);
  }
  for (const host of ['a.localhost', 'example.org', 'api.localhost', 'xapi.example.org']) {
    expect(isControlHost(host, 'example.org')).toBe(false);
  }
});
