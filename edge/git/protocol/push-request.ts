import { GitError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { isOid } from '../objects/oid.ts';
import type { RefUpdate } from '../repository.ts';
import type { ByteReader } from './byte-reader.ts';
import { lineText, readPktLine } from './pkt-line.ts';

/** What stands before the pack in a push (gitprotocol-pack, "Reference Update Request"). */
export interface PushRequest {
  updates: RefUpdate[];
  capabilities: ReadonlySet<string>;
  pushOptions: string[];
  /** Commits whose parents the client does not have. */
  shallow: string[];
}

/**
 * Reads the commands and push options, up to where the pack begins. No updates: the client only knocked.
 * @throws GitError when a line is malformed, or there are too many
 */
export async function readPushRequest(reader: ByteReader, limits: Limits): Promise<PushRequest> {
  const updates: RefUpdate[] = [];
  const shallow: string[] = [];
  let capabilities = new Set<string>();
  for (;;) {
    const line = await readPktLine(reader);
    if (!line || line.type === 'flush') break;
    if (line.type !== 'data') throw new GitError('protocol error: unexpected delimiter');
    const [command = '', features] = lineText(line.payload).split('\0');
    if (features !== undefined) capabilities = new Set(features.split(' ').filter(Boolean));
    if (command.startsWith('shallow ')) {
      shallow.push(command.slice('shallow '.length));
      continue;
    }
    const [from = '', to = '', ...name] = command.split(' ');
    const ref = name.join(' ');
    if (!isOid(from) || !isOid(to) || !ref) {
      throw new GitError(`protocol error: expected old/new/ref, got '${command.slice(0, 200)}'`);
    }
    if (updates.length === limits.refUpdates) {
      throw new GitError(`a push may update at most ${limits.refUpdates} refs`);
    }
    updates.push({ ref, old: from, new: to });
  }
  const pushOptions = updates.length > 0 && capabilities.has('push-options') ? await readOptions(reader) : [];
  return { updates, capabilities, pushOptions, shallow };
}

/** More options than anyone types, and few enough to hold. */
const MAX_OPTIONS = 1000;

async function readOptions(reader: ByteReader): Promise<string[]> {
  const options: string[] = [];
  for (;;) {
    const line = await readPktLine(reader);
    if (line?.type !== 'data') return options;
    if (options.length === MAX_OPTIONS) throw new GitError(`a push may have at most ${MAX_OPTIONS} options`);
    options.push(lineText(line.payload));
  }
}
