const MiB = 1024 * 1024;

/** What one push may bring. Crossing one refuses the push, with the limit in the message. */
export interface Limits {
  /** Bytes of a pack as it is sent. */
  packBytes: number;
  /** Objects in a pack. */
  objects: number;
  /** Objects in a pack, and objects that these refer to. */
  names: number;
  /** Bytes of one blob. */
  blobBytes: number;
  /** Bytes of one commit, tree or tag, and of everything that takes part in a delta: these are held in memory. */
  heldBytes: number;
  /** How many deltas may stand between an object and a whole one. `git pack-objects --depth` allows no more. */
  deltaDepth: number;
  /** Inflated bytes that each byte of a pack may make, once `freeInflation` is used up. */
  inflationRatio: number;
  /**
   * Inflated bytes that are not counted: a small pack may honestly hold hundreds of versions of a lockfile, each a few
   * bytes of delta and a megabyte of object.
   */
  freeInflation: number;
  /** Ref updates in one push. */
  refUpdates: number;
  /** Refs in a repository. */
  refs: number;
  /** Bytes of one ref name. */
  refNameBytes: number;
  /** How long a client may send nothing in the middle of a request, in ms. */
  idleMs: number;
}

export const defaultLimits: Limits = {
  packBytes: 2048 * MiB,
  objects: 1_000_000,
  names: 4_000_000,
  blobBytes: 1024 * MiB,
  heldBytes: 256 * MiB,
  deltaDepth: 4095,
  inflationRatio: 200,
  freeInflation: 4096 * MiB,
  refUpdates: 20_000,
  refs: 100_000,
  refNameBytes: 1024,
  idleMs: 120_000,
};
