import { LimitError, type Limits } from './limits.ts';
import { collectEntries, decodeEntries, type TreeEntry } from './protocol.ts';

/** Room for a path and an entry's other fields. */
const entryBytes = 1024;

/** Gathers the entries of a tree as a machine sends them. What the machine says of its own size is not believed. */
export class EntryCollector {
  readonly entries: TreeEntry[] = [];
  readonly #limits: Pick<Limits, 'files' | 'treeBytes'>;
  #bytes = 0;

  constructor(limits: Pick<Limits, 'files' | 'treeBytes'>) {
    this.#limits = limits;
  }

  /**
   * Adds a batch.
   *
   * @throws LimitError when more has come than a tree may hold with all that was deleted from it, TypeError or RangeError
   * when the batch is malformed
   */
  add(batch: Uint8Array): void {
    const { files, treeBytes } = this.#limits;
    this.#bytes += batch.length;
    if (this.#bytes > treeBytes + 2 * files * entryBytes) throw new LimitError('treeBytes', treeBytes, this.#bytes);
    collectEntries(this.entries, decodeEntries(batch));
    if (this.entries.length > 2 * files) throw new LimitError('files', files, this.entries.length);
  }
}
