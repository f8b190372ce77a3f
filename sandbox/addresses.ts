/** Which addresses are on the public internet: those outside of the ranges below. */
import { BlockList, isIP } from 'node:net';

/**
 * Ranges that are not reached from the internet, or that reach something else through it: the IANA special-purpose
 * address registries (RFC 6890), multicast, and the IPv6 forms that carry an IPv4 address.
 */
const reserved: Record<'ipv4' | 'ipv6', string[]> = {
  ipv4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '192.175.48.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/3',
  ],
  ipv6: [
    '::/96',
    '::ffff:0:0/96',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '100::/64',
    '2001::/23',
    '2001:db8::/32',
    '2002::/16',
    '3fff::/20',
    '5f00::/16',
    'fc00::/7',
    'fe80::/10',
    'fec0::/10',
    'ff00::/8',
  ],
};

/** A list for each family: a BlockList takes an IPv4 address for its mapped IPv6 form. */
const blocked = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const family of ['ipv4', 'ipv6'] as const) {
  for (const range of reserved[family]) {
    const [network = '', prefix] = range.split('/');
    blocked[family].addSubnet(network, Number(prefix), family);
  }
}

/** Whether an IP address, as text, may be connected to. What is no address may not. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  return !blocked[family].check(address, family);
}
