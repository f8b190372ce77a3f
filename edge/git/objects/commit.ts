import { GitError } from '../errors.ts';
import { isOid, type Oid } from './oid.ts';

/** What the walk over history needs of a commit. */
export interface Commit {
  tree: Oid;
  parents: Oid[];
  /** When it was committed, in seconds since 1970; 0 where the line is malformed. */
  time: number;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const HEX = 40;

/**
 * Reads the header of a commit: `tree`, any number of `parent`, `author`, `committer`.
 * @throws GitError when the tree or a parent is malformed, as git's own parse_commit_buffer
 */
export function parseCommit(data: Uint8Array): Commit {
  const tree = field(data, 0, 'tree');
  if (!tree) throw new GitError('bogus commit object: no tree');
  let at = tree.end;
  const parents: Oid[] = [];
  for (;;) {
    const parent = field(data, at, 'parent');
    if (!parent) break;
    parents.push(parent.oid);
    at = parent.end;
  }
  return { tree: tree.oid, parents, time: committerTime(data, at) };
}

/** A line `<name> <oid>\n` at `at`, and where the next begins. */
function field(data: Uint8Array, at: number, name: string): { oid: Oid; end: number } | undefined {
  for (let i = 0; i < name.length; i++) if (data[at + i] !== name.charCodeAt(i)) return undefined;
  const from = at + name.length + 1;
  if (data[from - 1] !== SPACE) return undefined;
  const oid = latin1(data, from, from + HEX);
  if (!isOid(oid) || data[from + HEX] !== NEWLINE) throw new GitError(`bogus commit object: bad ${name} line`);
  return { oid, end: from + HEX + 1 };
}

function committerTime(data: Uint8Array, at: number): number {
  const author = data.indexOf(NEWLINE, at);
  const end = data.indexOf(NEWLINE, author + 1);
  if (author < 0 || end < 0) return 0;
  const line = latin1(data, author + 1, end);
  const [, time] = /^committer .*> (\d+) [+-]\d+$/.exec(line) ?? [];
  return time ? Math.min(Number(time), Number.MAX_SAFE_INTEGER) : 0;
}

export interface CommitMessage {
  author: { name: string; email: string; time: number };
  /** The first paragraph in one line. */
  subject: string;
}

/** Who wrote a commit, and its subject as `git log --format=%s` shows it. */
export function parseCommitMessage(data: Uint8Array): CommitMessage {
  const text = new TextDecoder().decode(data);
  const [header = '', ...paragraphs] = text.split(/\n\n+/);
  const [, name = '', email = '', time = '0'] = /^author (.*?) ?<(.*?)> (\d+)/m.exec(header) ?? [];
  return { author: { name, email, time: Number(time) }, subject: (paragraphs[0] ?? '').trim().replaceAll('\n', ' ') };
}

/**
 * What an annotated tag points at.
 * @throws GitError when the tag has no object or type line
 */
export function parseTag(data: Uint8Array): { object: Oid; type: 'commit' | 'tree' | 'blob' | 'tag' } {
  const header = latin1(data, 0, Math.min(data.length, 128));
  const [, object, type] = /^object ([0-9a-f]{40})\ntype (commit|tree|blob|tag)\ntag /.exec(header) ?? [];
  if (!object || !(type === 'commit' || type === 'tree' || type === 'blob' || type === 'tag')) {
    throw new GitError('bogus tag object');
  }
  return { object, type };
}

const latin1 = (data: Uint8Array, from: number, to: number): string =>
  Buffer.from(data.buffer, data.byteOffset + from, Math.max(0, Math.min(to, data.length) - from)).toString('latin1');
