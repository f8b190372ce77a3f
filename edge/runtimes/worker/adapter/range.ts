/** The first and the last byte. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * What a request's `Range` asks for (RFC 9110, 14.2); undefined where the whole is to be sent: no range, one in a form
 * that is not known, several, or one of another version than `etag`.
 */
export function parseRange(headers: Headers, etag: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.get('range') ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const condition = headers.get('if-range');
  if (condition !== null && condition !== etag) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}
