/** What the machine asks of its host. */
import type { Exit, TreeEntry, WireEntry } from '../protocol.ts';
import type { Environment, Sink } from './task.ts';

export interface WasiRun {
  /** The program and its arguments. */
  argv: string[];
  env: Environment;
  cwd: string;
  stdin: Uint8Array;
  /** The files it sees, the program's own among them. */
  files: Iterable<TreeEntry>;
  /** Absolute path of the program. */
  module: string;
  /** Ends it. */
  signal: AbortSignal;
  stdout: Sink;
  stderr: Sink;
  /** Takes what it changed. */
  changes: (entries: WireEntry[]) => void;
}

interface Host {
  runWasi: (run: WasiRun) => Promise<Exit>;
  /** What sharp's native code does with an image: the operation, its options, and what it calls back with. */
  workOnImage: (operation: string, options: unknown) => Promise<unknown>;
}

const nobody = () => Promise.reject(new Error('no host is connected'));

/** Set when the host connects. */
export const host: Host = { runWasi: nobody, workOnImage: nobody };
