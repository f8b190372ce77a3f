import npmFetch from 'npm-registry-fetch';
import { expect, test } from 'vitest';
import { isPublic, PublicAgent } from './public-agent.ts';

test.for(['8.8.8.8', '172.32.0.1', '2606:4700:4700::1111'])('public: %s', (address) => {
  expect(isPublic(address)).toBe(true);
});

test.for([
  '127.0.0.1',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  'fe80::1',
  'fd00::1',
  '2002:7f00:1::',
  'no address',
])('not public: %s', (address) => {
  expect(isPublic(address)).toBe(false);
});

test.for(['http://127.0.0.1:1/', 'http://2130706433:1/', 'http://0x7f.1:1/', 'http://[::1]:1/', 'http://localhost:1/'])(
  'no connection to %s',
  async (url) => {
    const fetching = npmFetch(url, { agent: new PublicAgent({}), retry: { retries: 0 } });
    await expect(fetching).rejects.toMatchObject({ code: 'EPRIVATE' });
  },
);
