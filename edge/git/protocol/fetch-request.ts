import { GitError } from '../errors.ts';
import { isOid, type Oid } from '../objects/oid.ts';
import type { ByteReader } from './byte-reader.ts';
import { lineText, readPktLine } from './pkt-line.ts';

/** What a client asks to leave out (git-rev-list, `--filter`). */
export type ObjectFilter =
  /** Blobs of so many bytes and more. */
  | { type: 'blobs'; limit: number }
  /** Whatever is so many steps and more below a commit's tree. */
  | { type: 'depth'; limit: number };

/** What a client asks for, and says about itself, in any version of the protocol. */
export interface FetchRequest {
  wants: Oid[];
  haves: Oid[];
  /** Commits whose parents the client does not have. */
  shallow: Oid[];
  deepen: Deepen;
  filter: ObjectFilter | undefined;
  /** Whether the client has said all that it has. */
  done: boolean;
  /** `thin-pack`, `ofs-delta`, `include-tag`, `no-progress`, `side-band-64k`, …: capabilities or arguments. */
  features: Set<string>;
}

/** Where history is to be cut. */
export interface Deepen {
  /** Commits from the wanted ones, these included. */
  depth: number | undefined;
  /** Whether `depth` counts from where the client's history ends now. */
  relative: boolean;
  /** Seconds since 1970. */
  since: number | undefined;
  /** Refs whose history is left out. */
  not: string[];
}

/** Wants, haves and shallow lines in one request. */
const MAX_LINES = 200_000;

export const isDeepening = ({ depth, since, not }: Deepen): boolean =>
  depth !== undefined || since !== undefined || not.length > 0;

export const emptyFetchRequest = (): FetchRequest => ({
  wants: [],
  haves: [],
  shallow: [],
  deepen: { depth: undefined, relative: false, since: undefined, not: [] },
  filter: undefined,
  done: false,
  features: new Set(),
});

/**
 * Takes in one line of a request: `want`, `have`, `shallow`, `deepen…`, `filter`, `done`, or the name of a feature.
 * @throws GitError when it is malformed
 */
export function readFetchLine(request: FetchRequest, line: string): void {
  const space = line.indexOf(' ');
  const [key, value] = space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
  const { deepen } = request;
  if (key === 'want') request.wants.push(readOid(line));
  else if (key === 'have') request.haves.push(readOid(line));
  else if (key === 'shallow') request.shallow.push(readOid(line));
  else if (key === 'deepen') deepen.depth = number(line, value);
  else if (key === 'deepen-since') deepen.since = number(line, value);
  else if (key === 'deepen-not') deepen.not.push(value);
  else if (key === 'deepen-relative') deepen.relative = true;
  else if (key === 'filter') request.filter = parseFilter(value);
  else if (key === 'done') request.done = true;
  else request.features.add(key);
  if (request.wants.length + request.haves.length + request.shallow.length > MAX_LINES) {
    throw new GitError(`a fetch may have at most ${MAX_LINES} lines`);
  }
}

/** One segment of a request of protocol 0 or 1 (gitprotocol-pack, "Packfile Negotiation"); the wants come first. */
export async function readWants(reader: ByteReader): Promise<FetchRequest> {
  const request = emptyFetchRequest();
  for (;;) {
    const line = await readPktLine(reader);
    if (line?.type !== 'data') break;
    const text = lineText(line.payload);
    const [, want, features] = /^(want \S+)(?: (.*))?$/.exec(text) ?? [];
    if (want) {
      readFetchLine(request, want);
      for (const feature of (features ?? '').split(' ')) {
        if (feature === 'deepen-relative') request.deepen.relative = true;
        else if (feature) request.features.add(feature);
      }
    } else readFetchLine(request, text);
  }
  return request;
}

/**
 * The object name in a line `<key> <name>`.
 * @throws GitError when it is none
 */
export function readOid(line: string): Oid {
  const value = line.slice(line.indexOf(' ') + 1);
  if (!isOid(value)) throw new GitError(`protocol error: expected an object name, got '${line.slice(0, 100)}'`);
  return value;
}

function number(line: string, value: string): number {
  const parsed = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(parsed) || parsed === 0) {
    throw new GitError(`Invalid ${line.slice(0, 100)}`);
  }
  return parsed;
}

function parseFilter(spec: string): ObjectFilter {
  if (spec === 'blob:none') return { type: 'blobs', limit: 0 };
  const [, kind, digits = '', unit = ''] = /^(blob:limit=|tree:)(\d{1,15})([kmg]?)$/.exec(spec) ?? [];
  if (kind === 'tree:' && !unit) return { type: 'depth', limit: Number(digits) };
  if (kind === 'blob:limit=') return { type: 'blobs', limit: Number(digits) * 1024 ** ' kmg'.indexOf(unit || ' ') };
  throw new GitError(`invalid filter-spec '${spec.slice(0, 100)}'`);
}
