/** Plain values with bytes in them, as they cross a border: the value as JSON has it, and the bytes apart. */
export interface Packed {
  value: unknown;
  bytes: Uint8Array[];
}

/** What stands for bytes: which of them. */
const mark = '$bytes';

/** Packs a value; functions and whatever else JSON does not have are left out. */
export function pack(value: unknown): Packed {
  const bytes: Uint8Array[] = [];
  const visit = (part: unknown): unknown => {
    if (ArrayBuffer.isView(part)) {
      return { [mark]: bytes.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)) - 1 };
    }
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part !== 'object' || part === null) return typeof part === 'function' ? undefined : part;
    return Object.fromEntries(Object.entries(part).map(([name, member]) => [name, visit(member)]));
  };
  return { value: visit(value), bytes };
}

/** @throws RangeError when bytes are missing: the other side may be hostile */
export function unpack({ value, bytes }: Packed): unknown {
  const visit = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part !== 'object' || part === null) return part;
    if (mark in part) {
      const found = bytes[Number(part[mark])];
      if (found === undefined) throw new RangeError('the bytes of a value did not come');
      return Buffer.from(found.buffer, found.byteOffset, found.byteLength);
    }
    return Object.fromEntries(Object.entries(part).map(([name, member]) => [name, visit(member)]));
  };
  return visit(value);
}
