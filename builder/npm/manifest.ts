/** The parts of a package.json that say what to install. */
export interface Manifest {
  name?: string | undefined;
  version?: string | undefined;
  dependencies?: Record<string, string> | undefined;
  devDependencies?: Record<string, string> | undefined;
  optionalDependencies?: Record<string, string> | undefined;
  peerDependencies?: Record<string, string> | undefined;
  overrides?: unknown;
  /** Yarn's name for them. */
  resolutions?: unknown;
  workspaces?: unknown;
  scripts?: Record<string, string> | undefined;
}
