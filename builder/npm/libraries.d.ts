/** What the builder uses of npm's own libraries, which ship without types. */

declare module '@npmcli/config' {
  export default class Config {
    constructor(options: {
      npmPath: string;
      definitions: unknown;
      shorthands: unknown;
      flatten: unknown;
      argv: string[];
      cwd: string;
      env?: Record<string, string | undefined>;
      warn?: boolean;
    });
    load(): Promise<void>;
    /** All settings under the names that npm's libraries take them by. */
    readonly flat: Record<string, unknown>;
  }
}

declare module '@npmcli/config/lib/definitions/index.js' {
  export const definitions: unknown;
  export const shorthands: unknown;
  export const flatten: unknown;
}

declare module '@npmcli/arborist' {
  export interface Shrinkwrap {
    /** The lock of the tree as it would be written to package-lock.json. */
    commit(): unknown;
  }
  export interface IdealTree {
    meta: Shrinkwrap;
  }
  export default class Arborist {
    constructor(options: Record<string, unknown>);
    buildIdealTree(options?: Record<string, unknown>): Promise<IdealTree>;
  }
}

declare module 'npm-registry-fetch' {
  interface RegistryResponse {
    readonly status: number;
    readonly body: AsyncIterable<Buffer>;
  }
  function fetch(url: string, options: Record<string, unknown>): Promise<RegistryResponse>;
  namespace fetch {
    /** The registry that serves a specifier, by its scope. */
    function pickRegistry(spec: string, options: Record<string, unknown>): string;
  }
  export default fetch;
}

declare module 'pacote' {
  const pacote: {
    manifest(
      spec: string,
      options: Record<string, unknown>,
    ): Promise<{ name: string; version: string; _resolved: string; _integrity?: string }>;
  };
  export default pacote;
}

declare module 'npm-package-arg' {
  interface Specifier {
    type: 'version' | 'range' | 'tag' | 'alias' | 'git' | 'remote' | 'file' | 'directory';
    /** The path, for `file` and `directory`. */
    fetchSpec: string | null;
    subSpec?: Specifier;
    rawSpec: string;
  }
  function npa(spec: string, where?: string): Specifier;
  namespace npa {
    function resolve(name: string, spec: string, where?: string): Specifier;
  }
  export default npa;
}

declare module 'npm-install-checks' {
  /** Throws an error with the code `EBADPLATFORM` when the package does not run on the platform. */
  export function checkPlatform(
    target: { os?: string[]; cpu?: string[]; libc?: string[] },
    force: boolean,
    environment: { os: string; cpu: string; libc?: string },
  ): void;
}

declare module 'npm-normalize-package-bin' {
  /** Drops names and paths that lead out of the package. */
  export default function normalize(manifest: { name: string; bin?: unknown }): { bin?: Record<string, string> };
}

declare module 'semver' {
  const semver: {
    satisfies(version: string, range: string, options?: { loose?: boolean; includePrerelease?: boolean }): boolean;
    validRange(range: string, options?: { loose?: boolean }): string | null;
  };
  export default semver;
}

declare module 'ssri' {
  interface Hash {
    hexDigest(): string;
  }
  const ssri: {
    /** Hashes by algorithm. */
    parse(integrity: string): Record<string, Hash[] | undefined> | null;
    /** False when the data does not have the strongest hash of `integrity`. */
    checkData(data: Uint8Array, integrity: string): Hash | false;
  };
  export default ssri;
}

declare module 'ini' {
  export function parse(text: string): Record<string, unknown>;
}

declare module '@npmcli/agent' {
  import type { Agent as HttpAgent } from 'node:http';
  export class Agent extends HttpAgent {
    constructor(options: Record<string, unknown>);
    connect(request: unknown, options: { host?: string; port?: number | string; lookup?: unknown }): Promise<unknown>;
  }
}
