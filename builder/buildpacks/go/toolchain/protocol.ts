/** What the builder and the process of a toolchain say to each other. */

/** What the process is started with. */
export interface ToolchainOptions {
  /** Programs by name, to their files on this host. */
  programs: Record<string, string>;
  /** Directories of this host by the place where programs see them. */
  mounts: Record<string, string>;
  /** How many programs run at once. */
  parallelism: number;
  /** Where outputs may be left. */
  output: string;
}

export interface ToolRequest {
  program: string;
  argv: string[];
  env: Record<string, string>;
  /** Files that the program finds besides those that are mounted, by absolute path. */
  files: Record<string, string>;
  /** Mounted files that it may write, as its own. */
  owned: string[];
  /** Files that it leaves: from its absolute path to a name below the output directory. */
  outputs: Record<string, string>;
  /** What it looks for and is not there is asked for, where the path matches one of these; relative to the root. */
  wants: RegExp[];
}

export interface ToolResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** What a program looked for: a file, or a directory of this host to mount in its place; or nothing. */
export type Found = { file: Uint8Array } | { directory: string } | null;

export type ToProcess = { start: ToolchainOptions } | { id: number; run: ToolRequest } | { found: number; what: Found };

export type FromProcess =
  | { id: number; result: ToolResult }
  | { id: number; error: string }
  /** A program looks for a path. */
  | { want: number; path: string };
