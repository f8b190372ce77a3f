import type { Route } from '../../schema/route.ts';

/** A web dyno of an app and the number of the runner that it lives on. */
export interface PlacedDyno {
  /** `web.1` */
  dyno: string;
  runner: number;
}

/**
 * Where the web dynos of an app live: `web.i` on runner `(hash(app) + i) mod runners`. Every router comes to the same
 * answer by itself, and an app of one dyno is one process whichever runner a connection reaches.
 */
export function place({ app, formation }: Route, runners: number): PlacedDyno[] {
  const first = hash(app.id);
  return Array.from({ length: formation.web ?? 0 }, (_, index) => ({
    dyno: `web.${index + 1}`,
    runner: (first + index + 1) % runners,
  }));
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
