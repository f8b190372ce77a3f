/**
 * Lists in pages, as the Platform API Reference, "Ranges": a client sends
 *
 *     Range: version 1..; max=10, order=desc
 *
 * and gets, with 206 while more is to come, `Content-Range: version 12..3` of what it got and in `Next-Range` the header
 * that asks for the rest. `]` before a value leaves that value out.
 */
import type { Context } from 'hono';
import { ApiError } from '../platform/errors.ts';

const DEFAULT_MAX = 200;
const LARGEST_MAX = 1000;

interface Paging<T> {
  /** What a range may go by: the name a client uses, and the value of an item. The first is the default. */
  by: Record<string, (item: T) => string | number>;
  order?: 'asc' | 'desc';
}

interface Range {
  field: string;
  start: string;
  /** Whether `start` itself is left out. */
  after: boolean;
  end: string;
  max: number;
  order: 'asc' | 'desc';
}

/**
 * The part of `items` that the request's Range asks for, each made into its resource.
 * @throws ApiError 416 for a range that cannot be understood
 */
export async function page<T>(
  c: Context,
  items: T[],
  { by, order = 'asc' }: Paging<T>,
  resource: (item: T) => unknown,
): Promise<Response> {
  const fields = Object.keys(by);
  const range = parseRange(c.req.header('range'), fields, order);
  const value = by[range.field];
  if (!value) throw new Error(`No way to order by ${range.field}.`);
  const direction = range.order === 'asc' ? 1 : -1;
  const wanted = items
    .filter((item) => isWithin(value(item), range, direction))
    .sort((a, b) => direction * compare(value(a), value(b)));
  const part = wanted.slice(0, range.max);

  c.header('Accept-Ranges', fields.join(', '));
  const [first, last] = [part[0], part.at(-1)];
  if (first !== undefined && last !== undefined)
    c.header('Content-Range', `${range.field} ${value(first)}..${value(last)}`);
  const more = wanted.length > part.length && last !== undefined;
  if (more)
    c.header('Next-Range', `${range.field} ]${value(last)}..${range.end}; max=${range.max}, order=${range.order}`);
  return c.json(await Promise.all(part.map(resource)), more ? 206 : 200);
}

function parseRange(header: string | undefined, fields: string[], order: 'asc' | 'desc'): Range {
  const [byDefault = 'id'] = fields;
  if (!header) return { field: byDefault, start: '', after: false, end: '', max: DEFAULT_MAX, order };
  const [, field, after, start = '', end = '', options = ''] =
    /^\s*([\w-]+)\s*(\]?)([^\s;]*?)\.\.([^\s;]*)\s*(?:;\s*(.*))?$/.exec(header) ?? [];
  if (!field || !fields.includes(field)) {
    throw new ApiError(
      416,
      'requested_range_not_satisfiable',
      `Range "${header}" cannot be met; use one of: ${fields.join(', ')}.`,
    );
  }
  const max = Number(/\bmax=(\d+)/.exec(options)?.[1] ?? DEFAULT_MAX);
  const asked = /\border=(asc|desc)\b/.exec(options)?.[1];
  return {
    field,
    start,
    after: after === ']',
    end,
    max: Math.min(Math.max(max, 1), LARGEST_MAX),
    order: asked === 'asc' || asked === 'desc' ? asked : order,
  };
}

function isWithin(value: string | number, { start, after, end }: Range, direction: number): boolean {
  const bound = (text: string) => (typeof value === 'number' ? Number(text) : text);
  if (start !== '') {
    const past = direction * compare(value, bound(start));
    if (past < 0 || (after && past === 0)) return false;
  }
  return end === '' || direction * compare(value, bound(end)) <= 0;
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);
