/**
 * `serialize` and `deserialize` of `node:v8`, in the format of V8's own (version 15 of its ValueSerializer), with views of
 * bytes as Node writes them.
 */
import { Buffer } from 'node:buffer';

const VERSION = 15;

/** Views, by the number that Node writes for them. */
const VIEWS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  DataView,
  Buffer,
  BigInt64Array,
  BigUint64Array,
] as const;
type View = ArrayBufferView<ArrayBuffer>;

const ERRORS: Record<string, ErrorConstructor> = {
  E: EvalError,
  R: RangeError,
  F: ReferenceError,
  S: SyntaxError,
  T: TypeError,
  U: URIError,
};

/** Bits of the flags of a regular expression. */
const REGEXP_FLAGS: Record<string, number> = { g: 1, i: 2, m: 4, y: 8, u: 16, s: 32, d: 128, v: 256 };

/** @throws DataCloneError for functions, symbols and what else has no such form */
export function serialize(value: unknown): Buffer {
  const writer = new Writer();
  writer.write(value);
  return writer.bytes();
}

/** @throws Error for bytes that are no such form */
export function deserialize(bytes: ArrayBufferView): unknown {
  return new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).read();
}

class Writer {
  #buffer = Buffer.alloc(256);
  #length = 0;
  readonly #seen = new Map<object, number>();

  constructor() {
    this.#byte(0xff);
    this.#byte(VERSION);
  }

  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  write(value: unknown): void {
    if (value === undefined) this.#tag('_');
    else if (value === null) this.#tag('0');
    else if (typeof value === 'boolean') this.#tag(value ? 'T' : 'F');
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'object') this.#object(value);
    else if (typeof value === 'bigint') {
      this.#tag('Z');
      this.#bigint(value);
    } else throw new DOMException(`${String(value)} could not be cloned.`, 'DataCloneError');
  }

  #number(value: number): void {
    const isSmall = Number.isInteger(value) && !Object.is(value, -0) && value >= -(2 ** 31) && value < 2 ** 31;
    if (isSmall) {
      this.#tag('I');
      this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    this.#tag('N');
    this.#double(value);
  }

  #bigint(value: bigint): void {
    const isNegative = value < 0n;
    let rest = isNegative ? -value : value;
    const words: bigint[] = [];
    for (; rest > 0n; rest >>= 64n) words.push(rest & 0xffff_ffff_ffff_ffffn);
    this.#varint((words.length * 8 * 2) | (isNegative ? 1 : 0));
    for (const word of words) {
      this.#room(8);
      this.#length = this.#buffer.writeBigUInt64LE(word, this.#length);
    }
  }

  #string(value: string): void {
    const isLatin = /^[\0-\xff]*$/.test(value);
    const bytes = Buffer.from(value, isLatin ? 'latin1' : 'utf16le');
    if (isLatin) this.#tag('"');
    else {
      // Its units begin at an even place.
      const size = varintSize(bytes.length);
      if ((this.#length + 1 + size) % 2 === 1) this.#byte(0);
      this.#tag('c');
    }
    this.#varint(bytes.length);
    this.#raw(bytes);
  }

  #object(value: object): void {
    const known = this.#seen.get(value);
    if (known !== undefined) {
      this.#tag('^');
      this.#varint(known);
      return;
    }
    this.#seen.set(value, this.#seen.size);
    if (Array.isArray(value)) this.#array(value);
    else if (value instanceof Date) {
      this.#tag('D');
      this.#double(value.getTime());
    } else if (value instanceof RegExp) {
      this.#tag('R');
      this.#string(value.source);
      this.#varint([...value.flags].reduce((bits, flag) => bits | (REGEXP_FLAGS[flag] ?? 0), 0));
    } else if (value instanceof Map) {
      this.#tag(';');
      for (const [key, item] of [...value]) {
        this.write(key);
        this.write(item);
      }
      this.#tag(':');
      this.#varint(value.size * 2);
    } else if (value instanceof Set) {
      this.#tag("'");
      for (const item of [...value]) this.write(item);
      this.#tag(',');
      this.#varint(value.size);
    } else if (value instanceof ArrayBuffer) {
      this.#tag('B');
      this.#varint(value.byteLength);
      this.#raw(new Uint8Array(value));
    } else if (ArrayBuffer.isView(value)) this.#view(value as View);
    else if (value instanceof Error) this.#error(value);
    else this.#boxed(value);
  }

  #boxed(value: object): void {
    if (value instanceof Boolean) this.#tag(value.valueOf() ? 'y' : 'x');
    else if (value instanceof Number) {
      this.#tag('n');
      this.#double(value.valueOf());
    } else if (value instanceof String) {
      this.#tag('s');
      this.#string(value.valueOf());
    } else {
      if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) {
        throw new DOMException(`${Object.prototype.toString.call(value)} could not be cloned.`, 'DataCloneError');
      }
      this.#tag('o');
      const count = this.#properties(value, Object.keys(value));
      this.#tag('{');
      this.#varint(count);
    }
  }

  #array(value: unknown[]): void {
    const keys = Object.keys(value);
    const isDense = keys.filter((key) => /^\d+$/.test(key)).length === value.length;
    this.#tag(isDense ? 'A' : 'a');
    this.#varint(value.length);
    if (isDense) for (const item of [...value]) this.write(item);
    const count = this.#properties(value, isDense ? keys.slice(value.length) : keys);
    this.#tag(isDense ? '$' : '@');
    this.#varint(count);
    this.#varint(value.length);
  }

  #properties(value: object, keys: string[]): number {
    let count = 0;
    for (const key of keys) {
      if (!Object.hasOwn(value, key)) continue;
      const isIndex = /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;
      if (isIndex) this.#number(Number(key));
      else this.#string(key);
      this.write(Reflect.get(value, key));
      count += 1;
    }
    return count;
  }

  #view(value: View): void {
    const index = Buffer.isBuffer(value)
      ? VIEWS.indexOf(Buffer)
      : VIEWS.findIndex((type) => type !== Buffer && value instanceof type);
    this.#tag('\\');
    this.#varint(index);
    this.#varint(value.byteLength);
    this.#raw(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  #error(value: Error): void {
    this.#tag('r');
    const prototype = Object.entries(ERRORS).find(([, type]) => value instanceof type)?.[0];
    if (prototype) this.#tag(prototype);
    if (Object.hasOwn(value, 'message')) {
      this.#tag('m');
      this.#string(String(value.message));
    }
    if (typeof value.stack === 'string') {
      this.#tag('s');
      this.#string(value.stack);
    }
    if (Object.hasOwn(value, 'cause')) {
      this.#tag('c');
      this.write(value.cause);
    }
    this.#tag('.');
  }

  #tag(tag: string): void {
    this.#byte(tag.charCodeAt(0));
  }

  #byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = value;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80);
    this.#byte(rest);
  }

  #double(value: number): void {
    this.#room(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#length + bytes));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  readonly #objects: object[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const [mark, version = 0] = bytes;
    if (mark !== 0xff || version < 13 || version > VERSION) throw wrong();
    this.#at = 2;
  }

  read(): unknown {
    const tag = this.#tag();
    switch (tag) {
      case '_':
        return undefined;
      case '0':
        return null;
      case 'T':
        return true;
      case 'F':
        return false;
      case 'I':
        return this.#integer();
      case 'U':
        return this.#varint();
      case 'N':
        return this.#double();
      case 'Z':
        return this.#bigint();
      case '"':
        return this.#text('latin1');
      case 'c':
        return this.#text('utf16le');
      case 'S':
        return this.#text('utf8');
      case '^':
        return this.#known(this.#varint());
      default:
        return this.#object(tag);
    }
  }

  #object(tag: string): object {
    switch (tag) {
      case 'o':
        return this.#properties(this.#add({}), '{');
      case 'A':
        return this.#dense();
      case 'a': {
        const array: unknown[] = this.#add([]);
        array.length = this.#varint();
        this.#properties(array, '@');
        this.#varint();
        return array;
      }
      case 'D':
        return this.#add(new Date(this.#double()));
      case 'y':
      case 'x':
        return this.#add(Object(tag === 'y'));
      case 'n':
        return this.#add(Object(this.#double()));
      case 's':
        return this.#add(Object(this.read()));
      case 'R': {
        const source = String(this.read());
        const bits = this.#varint();
        const flags = Object.keys(REGEXP_FLAGS).filter((flag) => (bits & (REGEXP_FLAGS[flag] ?? 0)) !== 0);
        return this.#add(new RegExp(source, flags.join('')));
      }
      case ';': {
        const map = this.#add(new Map());
        while (!this.#ends(':')) map.set(this.read(), this.read());
        this.#varint();
        return map;
      }
      case "'": {
        const set = this.#add(new Set());
        while (!this.#ends(',')) set.add(this.read());
        this.#varint();
        return set;
      }
      case 'B':
        return this.#buffer();
      case '\\':
        return this.#hostView();
      case 'r':
        return this.#error();
      default:
        throw wrong();
    }
  }

  #dense(): unknown[] {
    const array: unknown[] = this.#add([]);
    const length = this.#varint();
    if (length > this.#bytes.length) throw wrong();
    for (let index = 0; index < length; index++) {
      if (!this.#ends('-')) array[index] = this.read();
    }
    array.length = length;
    this.#properties(array, '$');
    this.#varint();
    return array;
  }

  #properties<Target extends object>(target: Target, end: string): Target {
    while (!this.#ends(end)) {
      const key = String(this.read());
      Object.defineProperty(target, key, {
        value: this.read(),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    this.#varint();
    return target;
  }

  /** A buffer, which a view of it may follow. */
  #buffer(): object {
    const bytes = this.#take(this.#varint());
    return this.#add(Uint8Array.from(bytes).buffer);
  }

  #hostView(): object {
    const type = VIEWS[this.#varint()];
    const bytes = Uint8Array.from(this.#take(this.#varint()));
    if (type === undefined) throw wrong();
    if (type === Buffer) return this.#add(Buffer.from(bytes.buffer));
    const size = 'BYTES_PER_ELEMENT' in type ? type.BYTES_PER_ELEMENT : 1;
    const View = type as new (buffer: ArrayBuffer, offset: number, length: number) => object;
    return this.#add(new View(bytes.buffer, 0, bytes.length / size));
  }

  #error(): Error {
    const parts: { type: ErrorConstructor; message?: string; stack?: string; cause?: { value: unknown } } = {
      type: Error,
    };
    const place = this.#objects.push({}) - 1;
    for (let tag = this.#tag(); tag !== '.'; tag = this.#tag()) {
      if (tag === 'm') parts.message = String(this.read());
      else if (tag === 's') parts.stack = String(this.read());
      else if (tag === 'c') parts.cause = { value: this.read() };
      else {
        const type = ERRORS[tag];
        if (!type) throw wrong();
        parts.type = type;
      }
    }
    const { type: Type, message, stack, cause } = parts;
    const error = new Type(message, cause && { cause: cause.value });
    if (stack !== undefined) error.stack = stack;
    this.#objects[place] = error;
    return error;
  }

  #add<Added extends object>(object: Added): Added {
    this.#objects.push(object);
    return object;
  }

  #known(id: number): object {
    const found = this.#objects[id];
    if (!found) throw wrong();
    return found;
  }

  #ends(tag: string): boolean {
    this.#skipPadding();
    if (this.#bytes[this.#at] !== tag.charCodeAt(0)) return false;
    this.#at += 1;
    return true;
  }

  #tag(): string {
    this.#skipPadding();
    const [byte] = this.#take(1);
    return String.fromCharCode(byte ?? 0);
  }

  #skipPadding(): void {
    while (this.#bytes[this.#at] === 0 && this.#at < this.#bytes.length) this.#at += 1;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw wrong();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const [byte = 0] = this.#take(1);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  #integer(): number {
    const value = this.#varint();
    return (value >>> 1) ^ -(value & 1);
  }

  #double(): number {
    return this.#take(8).readDoubleLE();
  }

  #bigint(): bigint {
    const bits = this.#varint();
    const bytes = this.#take(Math.floor(bits / 2));
    let value = 0n;
    for (let at = bytes.length - 8; at >= 0; at -= 8) value = (value << 64n) | bytes.readBigUInt64LE(at);
    return bits % 2 === 1 ? -value : value;
  }

  #text(encoding: BufferEncoding): string {
    return this.#take(this.#varint()).toString(encoding);
  }
}

const varintSize = (value: number): number => (value < 0x80 ? 1 : 1 + varintSize(Math.floor(value / 0x80)));

const wrong = (): Error => new Error('Unable to deserialize cloned data.');
