import { ZERO_OID } from '../objects/oid.ts';
import type { Snapshot } from '../repository.ts';
import { FLUSH, pktLine } from './pkt-line.ts';
import { AGENT } from './service.ts';

/** What git-receive-pack can do (gitprotocol-capabilities). */
const receiveCapabilities = [
  'report-status',
  'report-status-v2',
  'delete-refs',
  'side-band-64k',
  'quiet',
  'atomic',
  'ofs-delta',
  'push-options',
  'object-format=sha1',
  `agent=${AGENT}`,
];

/** What git-upload-pack can do in protocol 0 and 1. */
const uploadCapabilities = [
  'multi_ack',
  'multi_ack_detailed',
  'no-done',
  'thin-pack',
  'side-band',
  'side-band-64k',
  'ofs-delta',
  'shallow',
  'deepen-since',
  'deepen-not',
  'deepen-relative',
  'no-progress',
  'include-tag',
  'filter',
  'allow-tip-sha1-in-want',
  'allow-reachable-sha1-in-want',
  'object-format=sha1',
  `agent=${AGENT}`,
];

/** What git-upload-pack can do in protocol 2 (gitprotocol-v2), a line each. */
const version2 = [
  'version 2',
  `agent=${AGENT}`,
  'ls-refs=unborn',
  'fetch=shallow filter',
  'server-option',
  'object-format=sha1',
];

/** The answer to `GET info/refs?service=git-<service>` (gitprotocol-http, "Smart Clients"). */
export function advertisement(
  service: 'upload-pack' | 'receive-pack',
  version: number,
  snapshot: Snapshot,
): Uint8Array {
  const lines = [pktLine(`# service=git-${service}\n`), FLUSH];
  if (service === 'upload-pack' && version === 2) {
    return Buffer.concat([...lines, ...version2.map((line) => pktLine(`${line}\n`)), FLUSH]);
  }
  if (version === 1) lines.push(pktLine('version 1\n'));
  const rows =
    service === 'upload-pack' ? uploadRows(snapshot) : snapshot.refs.map(({ name, oid }) => `${oid} ${name}`);
  const capabilities = service === 'upload-pack' ? [...uploadCapabilities, ...symref(snapshot)] : receiveCapabilities;
  const [first = `${ZERO_OID} capabilities^{}`, ...rest] = rows;
  lines.push(pktLine(`${first}\0${capabilities.join(' ')}\n`), ...rest.map((row) => pktLine(`${row}\n`)), FLUSH);
  return Buffer.concat(lines);
}

function uploadRows({ head, refs }: Snapshot): string[] {
  const rows = refs.flatMap(({ name, oid, peeled }) => [`${oid} ${name}`, ...(peeled ? [`${peeled} ${name}^{}`] : [])]);
  const target = refs.find(({ name }) => name === head);
  return target ? [`${target.oid} HEAD`, ...rows] : rows;
}

function symref({ head, refs }: Snapshot): string[] {
  return refs.some(({ name }) => name === head) ? [`symref=HEAD:${head}`] : [];
}
