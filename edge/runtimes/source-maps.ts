import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { appRoot } from '../../schema/app-root.ts';

/** A place in a module of the slug, as V8 writes it in a stack: `code/web.cjs:120:7`. */
const PLACE = /\bcode\/([\w./-]+?\.[cm]?js):(\d+):(\d+)/g;

/** A frame of the adapter, which is to the app what Node's own modules are. */
const OWN_FRAME = /^\s+at (?:.* \()?adapter\.js:\d+:\d+\)?$/;

/** Names the app's own files in what it prints of errors, by the source maps that its bundles have. */
export class SourceMaps {
  readonly #hashes: Readonly<Record<string, string>>;
  readonly #load: (sha256: string) => Promise<string>;
  readonly #maps = new Map<string, Promise<TraceMap | undefined>>();

  /**
   * @param hashes SHA-256 of maps, by the path of their module below `code/`
   * @param load gives the map (ECMA-426) with that hash
   */
  constructor(hashes: Readonly<Record<string, string>>, load: (sha256: string) => Promise<string>) {
    this.#hashes = hashes;
    this.#load = load;
  }

  /** Whether a line is nothing of the app's. */
  isOwnFrame(line: string): boolean {
    return OWN_FRAME.test(line);
  }

  /** Whether a line has places that `original` writes anew. */
  concerns(line: string): boolean {
    return line.includes('code/') && line.search(PLACE) >= 0;
  }

  /** The line with the places in the app's files, as far as they are known. Never throws. */
  async original(line: string): Promise<string> {
    const modules = new Set([...line.matchAll(PLACE)].map(([, module = '']) => module));
    const maps = new Map(await Promise.all([...modules].map(async (name) => [name, await this.#map(name)] as const)));
    return line.replace(PLACE, (place, module: string, row: string, column: string) => {
      const map = maps.get(module);
      const found = map && originalPositionFor(map, { line: Number(row), column: Number(column) - 1 });
      if (!found?.source || /^\w{2,}:/.test(found.source)) return place;
      return `${appRoot}/${found.source}:${found.line}:${found.column + 1}`;
    });
  }

  #map(module: string): Promise<TraceMap | undefined> {
    let map = this.#maps.get(module);
    if (!map) {
      const sha256 = Object.hasOwn(this.#hashes, module) ? this.#hashes[module] : undefined;
      map = sha256 ? this.#load(sha256).then((text) => new TraceMap(text)) : Promise.resolve(undefined);
      // Without its map the line stays as it is.
      map = map.catch(() => undefined);
      this.#maps.set(module, map);
    }
    return map;
  }
}
