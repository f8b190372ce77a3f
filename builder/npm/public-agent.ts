import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent } from '@npmcli/agent';

/** Addresses that are not of the public internet (IANA special-purpose address registries, RFC 6890). */
const special = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  special.ipv4.addSubnet(network, prefix, 'ipv4');
}
// Of IPv6, 2000::/3 is the public internet; in it, documentation and the tunnels that carry any IPv4 address are not.
for (const [network, prefix] of [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const) {
  special.ipv6.addSubnet(network, prefix, 'ipv6');
}

/** Whether an IP address belongs to the public internet. */
export function isPublic(address: string): boolean {
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  return isIP(address) !== 0 && !special[family].check(address, family);
}

class PrivateAddress extends Error {
  readonly code = 'EPRIVATE';
  constructor(host: string) {
    super(`${host} is not on the public internet`);
  }
}

/**
 * Connects to the public internet and to hosts that are trusted by name, no others. It is for addresses that an app
 * chose: each connection is checked after its name was resolved, so neither a redirect nor a name that changes its
 * address gets around it. (Behind a proxy it is the proxy that resolves names.)
 */
export class PublicAgent extends Agent {
  readonly #trusted: ReadonlySet<string>;

  /**
   * @param options as for npm's own agent: `proxy`, `ca`, …
   * @param trusted `host:port` of hosts to connect to wherever they are
   */
  constructor(options: Record<string, unknown>, trusted: ReadonlySet<string> = new Set()) {
    super(options);
    this.#trusted = trusted;
  }

  override connect(
    request: unknown,
    options: { host?: string; port?: number | string; lookup?: unknown },
  ): Promise<unknown> {
    const host = (options.host ?? '').replace(/^\[|\]$/g, '');
    if (!this.#trusted.has(`${host}:${options.port}`)) {
      if (isIP(host) !== 0 && !isPublic(host)) return Promise.reject(new PrivateAddress(host));
      options.lookup = publicLookup;
    }
    return super.connect(request, options);
  }
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    const [first] = addresses;
    if (first === undefined || !addresses.every(({ address }) => isPublic(address))) {
      return callback(new PrivateAddress(hostname), '', 0);
    }
    if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
