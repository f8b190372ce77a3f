/**
 * Fetches one commit's tree from a git server, as `git clone --depth 1` does (gitprotocol-v2 over gitprotocol-http), and
 * without git: the server is not trusted, nor what it sends.
 */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { packTar, type TarEntry } from 'modern-tar';
import { type UnpackLimits, unpack } from '../archive.ts';
import { BuildFailure } from '../failure.ts';
import type { Web } from '../web.ts';
import { type GitObject, readPack } from './pack.ts';
import { delimiter, flush, packets, pktLine, textOf } from './pkt-line.ts';

/** Most bytes of any answer. */
const maxAnswer = 128 * 1024 ** 2;
/** As deep as trees are followed. */
const maxDepth = 64;

export interface Clone {
  /** A branch, a tag or a commit's id; undefined for the branch that HEAD names. */
  ref: string | undefined;
  /** Names the repository in messages: `The buildpack https://…`. */
  what: string;
  limits: UnpackLimits;
  web: Web;
  signal: AbortSignal;
}

/**
 * @param url of the repository
 * @param directory what the tree is unpacked into, by the rules of `unpack`
 * @throws BuildFailure when it cannot be fetched, has no such ref, or breaks a rule
 */
export async function cloneTree(url: string, directory: string, clone: Clone): Promise<void> {
  const { what, limits, signal } = clone;
  const server = new Server(url, clone);
  await server.greet();
  const commit = await server.find(clone.ref);
  const pack = await server.fetch(commit);
  let entries: TarEntry[];
  try {
    entries = treeEntries(readPack(pack, { objects: limits.entries * 2, bytes: limits.bytes }), commit);
  } catch (error) {
    throw new BuildFailure(`${what} could not be fetched: what its server sent will not do: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  await unpack(Readable.from([await packTar(entries)]), directory, { what, limits, signal });
}

class Server {
  readonly #url: string;
  readonly #clone: Clone;

  constructor(url: string, clone: Clone) {
    this.#url = url.replace(/\/$/, '');
    this.#clone = clone;
  }

  /** Asks for version 2 of the protocol, and sees that the server has it. */
  async greet(): Promise<void> {
    const answer = await this.#ask('GET', '/info/refs?service=git-upload-pack');
    const lines = answer.flatMap((packet) => (packet ? [textOf(packet)] : []));
    if (!lines.includes('version 2')) {
      throw new BuildFailure(
        `${this.#clone.what} could not be fetched: its server does not speak version 2 of git's protocol.`,
      );
    }
    if (lines.includes('object-format=sha256')) {
      throw new BuildFailure(`${this.#clone.what} could not be fetched: a repository with SHA-256 is not supported.`);
    }
  }

  /** The commit that a ref stands for. */
  async find(ref: string | undefined): Promise<string> {
    if (ref !== undefined && /^[0-9a-f]{40}$/.test(ref)) return ref;
    const names = ref === undefined ? ['HEAD'] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
    const answer = await this.#command('ls-refs', ['peel', ...names.map((name) => `ref-prefix ${name}`)]);
    const refs = answer.flatMap((packet) => (packet ? [textOf(packet).split(' ')] : []));
    for (const wanted of names) {
      const found = refs.find(([, name]) => name === wanted);
      const peeled = found?.find((field) => field.startsWith('peeled:'))?.slice('peeled:'.length);
      const oid = peeled ?? found?.[0];
      if (oid !== undefined && /^[0-9a-f]{40}$/.test(oid)) return oid;
    }
    throw new BuildFailure(`${this.#clone.what} has no ${ref === undefined ? 'commits' : `branch or tag ${ref}`}.`);
  }

  /** A pack with a commit, and all that its tree holds. */
  async fetch(commit: string): Promise<Buffer> {
    const answer = await this.#command('fetch', ['no-progress', 'ofs-delta', 'deepen 1', `want ${commit}`, 'done']);
    const parts: Buffer[] = [];
    let inPack = false;
    for (const packet of answer) {
      if (packet === null) continue;
      if (!inPack) {
        inPack = textOf(packet) === 'packfile';
        continue;
      }
      // gitprotocol-v2, "packfile section": one band for the pack, one for progress, one for an error.
      if (packet[0] === 1) parts.push(packet.subarray(1));
      if (packet[0] === 3) {
        throw new BuildFailure(`${this.#clone.what} could not be fetched: ${textOf(packet.subarray(1))}`);
      }
    }
    return Buffer.concat(parts);
  }

  #command(name: string, args: string[]): Promise<(Buffer | null)[]> {
    const head = pktLine(`command=${name}`) + pktLine('object-format=sha1') + delimiter;
    return this.#ask('POST', '/git-upload-pack', Buffer.from(head + args.map(pktLine).join('') + flush));
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: Buffer): Promise<(Buffer | null)[]> {
    const { what, web, signal } = this.#clone;
    const headers = {
      'git-protocol': 'version=2',
      // Some servers speak git to nobody else.
      'user-agent': 'git/islet',
      ...(body && {
        'content-type': 'application/x-git-upload-pack-request',
        'content-length': String(body.length),
        accept: 'application/x-git-upload-pack-result',
      }),
    };
    const response = await web.fetch(this.#url + path, { what, method, headers, body, signal });
    const answer = await buffer(atMost(response, what));
    const list = [...packets(answer, what)];
    const [first] = list;
    if (first && textOf(first).startsWith('ERR ')) {
      throw new BuildFailure(`${what} could not be fetched: ${textOf(first).slice(4)}`);
    }
    return list;
  }
}

async function* atMost(body: AsyncIterable<Buffer>, what: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxAnswer) throw new BuildFailure(`${what} is larger than ${maxAnswer / 1024 ** 2} MB.`);
    yield chunk;
  }
}

/** The entries of a commit's tree. */
function treeEntries(objects: ReadonlyMap<string, GitObject>, commit: string): TarEntry[] {
  const entries: TarEntry[] = [];
  const object = (id: string, type: GitObject['type']): Buffer => {
    const found = objects.get(id);
    if (found?.type !== type) throw new Error(`the ${type} ${id} is not there`);
    return found.data;
  };
  const visit = (tree: string, prefix: string, depth: number): void => {
    if (depth > maxDepth) throw new Error(`its directories are more than ${maxDepth} deep`);
    for (const { mode, name, id } of readTree(object(tree, 'tree'))) {
      const path = prefix + name;
      if (mode === 0o040000) visit(id, `${path}/`, depth + 1);
      else if (mode === 0o120000) {
        entries.push({ header: { name: path, size: 0, type: 'symlink', linkname: object(id, 'blob').toString() } });
      } else if (mode === 0o160000) throw new Error(`${path} is a submodule, which is not supported`);
      else {
        const body = object(id, 'blob');
        entries.push({ header: { name: path, size: body.length, mode: mode & 0o777 }, body });
      }
    }
  };
  const [, root = ''] = /^tree ([0-9a-f]{40})\n/.exec(object(commit, 'commit').toString('latin1')) ?? [];
  visit(root, '', 0);
  return entries;
}

/** A tree object: mode in octal, name, and id, of each entry (gitformat-pack refers to it; gitdatamodel, "Trees"). */
function* readTree(data: Buffer): Generator<{ mode: number; name: string; id: string }> {
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(' ', at);
    const end = data.indexOf(0, space);
    if (space < 0 || end < 0 || end + 21 > data.length) throw new Error('a tree is cut short');
    const name = data.toString('utf8', space + 1, end);
    if (name === '' || name === '.' || name === '..' || name.includes('/') || name.toLowerCase() === '.git') {
      throw new Error(`a tree has an entry ${JSON.stringify(name)}`);
    }
    yield {
      mode: Number.parseInt(data.toString('latin1', at, space), 8),
      name,
      id: data.toString('hex', end + 1, end + 21),
    };
    at = end + 21;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
