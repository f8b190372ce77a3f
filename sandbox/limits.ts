/** What a machine may use. Crossing a limit kills it. */
export interface Limits {
  /** Milliseconds that one command may take. */
  wallMs: number;
  /** MiB that all processes of the machine may hold. */
  memoryMiB: number;
  /** Bytes that one command may write to standard output and error together. */
  outputBytes: number;
  /** Files, directories and links in the tree. */
  files: number;
  /** Bytes of all files in the tree. */
  treeBytes: number;
}

export const defaultLimits: Limits = {
  wallMs: 15 * 60_000,
  memoryMiB: 2560,
  outputBytes: 64 << 20,
  files: 500_000,
  treeBytes: 2 ** 30,
};

const descriptions: Record<keyof Limits, { what: string; unit: (value: number) => string }> = {
  wallMs: { what: 'A command took', unit: (value) => `${(value / 1000).toLocaleString('en')} s` },
  memoryMiB: { what: 'The build used', unit: (value) => `${Math.ceil(value).toLocaleString('en')} MiB of memory` },
  outputBytes: { what: 'A command wrote', unit: (value) => `${value.toLocaleString('en')} bytes of output` },
  files: { what: 'The build made', unit: (value) => `${value.toLocaleString('en')} files` },
  treeBytes: { what: 'The files of the build took', unit: (value) => `${value.toLocaleString('en')} bytes` },
};

/** The machine was killed because it crossed a limit. The message names the limit, by how much, and how to raise it. */
export class LimitError extends Error {
  override name = 'LimitError';
  readonly limit: keyof Limits;
  readonly allowed: number;
  /** At the moment it was noticed. */
  readonly used: number;
  /** The message without how to raise the limit, for who has names of their own for it. */
  readonly what: string;

  constructor(limit: keyof Limits, allowed: number, used: number) {
    const { what, unit } = descriptions[limit];
    const sentence = `${what} ${unit(used)}, and ${unit(allowed)} is the limit.`;
    super(`${sentence} To raise it, set the limit ${limit}.`);
    this.what = sentence;
    this.limit = limit;
    this.allowed = allowed;
    this.used = used;
  }
}
