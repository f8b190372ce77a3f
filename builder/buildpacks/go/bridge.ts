/** The packages of bridge/, which are linked into every program: see bridge/bridge.go. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Package, places } from './packages.ts';

/** Where their source is on this host. */
export const bridgeDirectory = fileURLToPath(new URL('bridge', import.meta.url));

/** What a program imports to have them. */
export const BRIDGE = 'islet/bridge';

const ENVIRONMENT = `${BRIDGE}/environment`;

/** What they import of the standard library. */
export const bridgeImports = [
  ...['net', 'os', 'os/signal', 'strconv', 'sync', 'syscall', 'syscall/js', 'time/tzdata', 'unsafe'],
];

const packageIn = (path: string, directory: string, imports: string[]): Package => ({
  ImportPath: path,
  Name: path.slice(path.lastIndexOf('/') + 1),
  Dir: join(places.bridge, directory),
  Standard: false,
  DepOnly: true,
  GoFiles: readdirSync(join(bridgeDirectory, directory)).filter((name) => name.endsWith('.go')),
  SFiles: [],
  IgnoredGoFiles: [],
  EmbedPatterns: [],
  EmbedFiles: [],
  Imports: imports,
  ImportMap: {},
  Module: { Path: 'islet', Main: false, GoVersion: '1.21' },
});

/** In the form of `go list`. */
export const bridgePackages = (): Package[] => [
  packageIn(ENVIRONMENT, 'environment', ['syscall/js', 'unsafe']),
  packageIn(BRIDGE, '', [...bridgeImports, ENVIRONMENT]),
];
