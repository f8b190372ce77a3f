/**
 * The sizes a dyno may have, by Heroku's names ("Dyno Types"). Here a dyno is an isolate that shares its runner with
 * others, so a size is kept, shown, and buys nothing.
 */
import { invalid } from './errors.ts';

export interface DynoSize {
  name: string;
  /** GB */
  memory: number;
  /** Shares of a processor, as Heroku counts them. */
  compute: number;
  dedicated: boolean;
  /** What Heroku multiplies dyno hours by. */
  units: number;
}

export const dynoSizes: readonly DynoSize[] = [
  { name: 'Eco', memory: 0.5, compute: 1, dedicated: false, units: 0 },
  { name: 'Basic', memory: 0.5, compute: 1, dedicated: false, units: 0.28 },
  { name: 'Standard-1X', memory: 0.5, compute: 1, dedicated: false, units: 1 },
  { name: 'Standard-2X', memory: 1, compute: 2, dedicated: false, units: 2 },
  { name: 'Performance-M', memory: 2.5, compute: 12, dedicated: true, units: 10 },
  { name: 'Performance-L', memory: 14, compute: 46, dedicated: true, units: 20 },
  { name: 'Performance-L-RAM', memory: 30, compute: 24, dedicated: true, units: 20 },
  { name: 'Performance-XL', memory: 62, compute: 50, dedicated: true, units: 30 },
  { name: 'Performance-2XL', memory: 126, compute: 100, dedicated: true, units: 60 },
];

export const DEFAULT_SIZE = 'Basic';

/**
 * The size that a person means, however they write its name.
 * @throws ApiError 422 for one that there is not
 */
export function dynoSize(asked: string): DynoSize {
  const size = dynoSizes.find(({ name }) => name.toLowerCase() === asked.toLowerCase());
  if (size) return size;
  throw invalid(`No such dyno size: ${asked}. There are ${dynoSizes.map(({ name }) => name).join(', ')}.`);
}
