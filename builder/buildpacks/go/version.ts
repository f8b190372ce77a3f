/** Which release of Go an app is built with. */
import { BuildFailure } from '../../failure.ts';

/** The minor version from which on a release brings what runs its programs in JavaScript (lib/wasm). */
const OLDEST = 24;

/** What an app's go.mod says of it. */
export interface Wanted {
  /** This release and no other: `1.25.4`, or `1.25` for the newest that there is of it. */
  exactly?: string;
  /** At least these: of the `go` and `toolchain` lines. */
  atLeast: string[];
}

/**
 * Reads go.mod, with the comments by which Heroku's buildpack is told things.
 *
 * @param goMod with go.work before it, where there is one
 * @param config config vars, of which GOVERSION comes before go.mod
 */
export function wantedVersion(goMod: string, config: Readonly<Record<string, string>>): Wanted {
  const comment = /^\/\/ \+heroku goVersion\s+(\S+)/m.exec(goMod)?.[1];
  const exactly = (config.GOVERSION ?? comment)?.replace(/^go/, '');
  const lines = [...goMod.matchAll(/^(?:go\s+|toolchain\s+go)(\d\S*)/gm)];
  return { ...(exactly && { exactly }), atLeast: lines.map(([, version = '']) => version) };
}

/**
 * Chooses as the go command does: the host's own release, unless the app wants a newer one, or one by name.
 *
 * @param host `1.26.1`
 * @returns a whole version
 * @throws BuildFailure when a version is wanted that is none
 */
export function chooseVersion({ exactly, atLeast }: Wanted, host: string): string {
  if (exactly !== undefined) return checked(isSeriesOf(exactly, host) ? host : exactly);
  const newest = atLeast.reduce((a, b) => (compare(a, b) < 0 ? b : a), host);
  return newest === host ? host : checked(newest);
}

/** `// +heroku install ./cmd/...`: the packages that an app is made of. */
export function installSpec(goMod: string, config: Readonly<Record<string, string>>): string[] | undefined {
  const comment = /^\/\/ \+heroku install\s+(.+)$/m.exec(goMod)?.[1];
  const spec = (config.GO_INSTALL_PACKAGE_SPEC ?? comment)?.trim();
  return spec ? spec.split(/\s+/) : undefined;
}

/** The first release of a series is `1.21.0`, and was `1.20` before that. */
function checked(version: string): string {
  const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+)|rc\d+|beta\d+)?$/.exec(version) ?? [];
  if (major === undefined || minor === undefined) {
    throw new BuildFailure(`The app wants Go ${version}, which is no version of Go.`, {
      help: ['Write it as in `go 1.25.0`, or `// +heroku goVersion go1.25.4`.'],
    });
  }
  const series = Number(minor);
  if (Number(major) !== 1 || series < OLDEST) {
    throw new BuildFailure(`The app wants Go ${version}, and Islet has Go from 1.${OLDEST} on.`, {
      help: ['Newer releases build older apps: change the version in go.mod.'],
    });
  }
  return patch === undefined && /^\d+\.\d+$/.test(version) ? `${version}.0` : version;
}

const isSeriesOf = (series: string, version: string): boolean =>
  /^\d+\.\d+$/.test(series) && version.startsWith(`${series}.`);

/** By number; what is no release yet comes before its series. */
function compare(a: string, b: string): number {
  const numbers = (version: string) => version.split(/\.|rc|beta/).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
