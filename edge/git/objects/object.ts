import { createHash, hash } from 'node:crypto';

/** The kinds of object, numbered as in a pack entry's header (gitformat-pack). */
export const ObjectType = { commit: 1, tree: 2, blob: 3, tag: 4 } as const;
export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType];

export interface GitObject {
  type: ObjectType;
  data: Uint8Array;
}

const names = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' } as const;

export const typeName = (type: ObjectType): (typeof names)[ObjectType] => names[type];

/** A hash that has taken in the header `<type> <size>\0`: give it the content, and it gives the object's name. */
export function objectHash(type: ObjectType, size: number): ReturnType<typeof createHash> {
  return createHash('sha1').update(`${names[type]} ${size}\0`);
}

/** Below this size an object is copied behind its header, and hashed in one call: that takes half the time. */
const SMALL = 16 * 1024;
const scratch = new Uint8Array(SMALL + 32);

/** The binary name of an object. */
export function hashObject(type: ObjectType, data: Uint8Array): Uint8Array {
  if (data.length > SMALL) return objectHash(type, data.length).update(data).digest();
  const header = `${names[type]} ${data.length}\0`;
  for (let i = 0; i < header.length; i++) scratch[i] = header.charCodeAt(i);
  scratch.set(data, header.length);
  return hash('sha1', scratch.subarray(0, header.length + data.length), 'buffer');
}
