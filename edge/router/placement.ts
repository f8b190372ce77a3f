import type { Route } from '../../schema/route.ts';

/** A dyno of an app and the number of the runner that it lives on. */
export interface PlacedDyno {
  /** `web` */
  type: string;
  /** `web.1` */
  dyno: string;
  runner: number;
}

/** What runs once before a release, and has no dynos that stay. */
export const RELEASE = 'release';

/**
 * Where the dynos of an app live: `web.i` on runner `(hash(app) + i) mod runners`, and those of another type in the same
 * way from a runner of their own. Every router comes to the same answer by itself, and an app of one dyno is one process
 * whichever runner a connection reaches. An app that is confined has all its dynos on the runner it is confined to.
 */
export function place({ app, formation, runner }: Route, runners: number): PlacedDyno[] {
  return Object.entries(formation)
    .filter(([type]) => type !== RELEASE)
    .flatMap(([type, quantity]) => {
      const first = hash(type === 'web' ? app.id : `${app.id}/${type}`);
      return Array.from({ length: quantity }, (_, index) => ({
        type,
        dyno: `${type}.${index + 1}`,
        runner: runner ?? (first + index + 1) % runners,
      }));
    });
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
