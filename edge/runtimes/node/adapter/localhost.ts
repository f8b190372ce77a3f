import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import os, { type NetworkInterfaceInfo } from 'node:os';
import { changePromises } from './promises.ts';

type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** workerd asks a resolver on the internet for every name; `localhost` is known without (RFC 6761, 6.3). */
export function resolveLocalhost(): void {
  const { lookup } = dns;
  const { lookup: lookupPromise } = dns.promises;
  Object.assign(dns, {
    lookup(hostname: string, ...rest: unknown[]) {
      const callback = rest.at(-1) as Callback;
      if (!isLocalhost(hostname)) return Reflect.apply(lookup, dns, [hostname, ...rest]);
      const { all } = options(rest[0]);
      queueMicrotask(() => (all ? callback(null, [loopback]) : callback(null, loopback.address, loopback.family)));
    },
  });
  changePromises(dns, 'dns/promises', {
    async lookup(hostname: string, given?: LookupOptions) {
      if (!isLocalhost(hostname)) return lookupPromise(hostname, given ?? {});
      return options(given).all ? [loopback] : loopback;
    },
  });
}

/** The one network there is, as frameworks list it that say where they listen; workerd knows of none. */
export function showLoopback(): void {
  const lo: NetworkInterfaceInfo = {
    address: loopback.address,
    netmask: '255.0.0.0',
    family: 'IPv4',
    mac: '00:00:00:00:00:00',
    internal: true,
    cidr: '127.0.0.1/8',
  };
  Object.assign(os, { networkInterfaces: () => ({ lo: [{ ...lo }] }) });
}

const loopback: LookupAddress = { address: '127.0.0.1', family: 4 };

const isLocalhost = (hostname: unknown): boolean => hostname === 'localhost';

const options = (given: unknown): LookupOptions => (typeof given === 'object' && given !== null ? given : {});
