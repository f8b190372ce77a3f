/**
 * Finds the atomic instructions that wait and notify in the body of a WebAssembly function, by stepping over all others:
 * WebAssembly Core Specification, section 5.4 (Instructions), with the threads and exception-handling proposals.
 */

/** `memory.atomic.wait32` or `memory.atomic.notify` at its place in the bytes. */
export interface AtomicInstruction {
  kind: 'wait' | 'notify';
  start: number;
  end: number;
  /** Added to the address on the stack. */
  offset: number;
}

/** Reads bytes from a place that moves on. */
export class Cursor {
  readonly bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const byte = this.bytes[this.position++];
    if (byte === undefined) throw new SyntaxError('the WebAssembly module ends in the middle');
    return byte;
  }

  /** An unsigned number of at most 32 bits, in LEB128. */
  number(): number {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
  }

  /** Steps over numbers in LEB128, of any size and sign. */
  skip(count = 1): void {
    for (let left = count; left > 0; left -= 1) while (this.byte() >= 0x80);
  }

  skipVector(): void {
    this.skip(this.number());
  }
}

/** Steps over a value type or block type. References to types of the module are the two that take a number. */
function skipType(cursor: Cursor): void {
  const first = cursor.bytes[cursor.position];
  if (first === 0x63 || first === 0x64) cursor.position += 1;
  cursor.skip();
}

/** @returns the offset */
function memoryArgument(cursor: Cursor): number {
  const alignment = cursor.number();
  // Bit 6 says that the memory is named.
  if ((alignment & 0x40) !== 0) cursor.skip();
  return cursor.number();
}

/** Steps over the immediates of an instruction with one opcode byte. */
function skipImmediates(cursor: Cursor, opcode: number): void {
  if (opcode >= 0x28 && opcode <= 0x3e) memoryArgument(cursor);
  else if (opcode === 0x02 || opcode === 0x03 || opcode === 0x04 || opcode === 0x06) skipType(cursor);
  else if (opcode === 0x0e) {
    cursor.skipVector();
    cursor.skip();
  } else if (opcode === 0x11 || opcode === 0x13) cursor.skip(2);
  else if (opcode === 0x1c) for (let left = cursor.number(); left > 0; left -= 1) skipType(cursor);
  else if (opcode === 0x1f) {
    skipType(cursor);
    for (let left = cursor.number(); left > 0; left -= 1) cursor.skip(cursor.byte() < 2 ? 2 : 1);
  } else if (opcode === 0x43) cursor.position += 4;
  else if (opcode === 0x44) cursor.position += 8;
  else if (oneNumber.has(opcode)) cursor.skip();
}

/** Branches, calls, variables, tables, memory sizes, integers, references. */
const oneNumber = new Set([
  0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x18, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40,
  0x41, 0x42, 0xd0, 0xd2, 0xd5, 0xd6,
]);

/** How many numbers follow the second opcode of 0xfc, from 8 (`memory.init`) to 17 (`table.fill`). */
const bulkNumbers = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1];

function skipVectorImmediates(cursor: Cursor): void {
  const opcode = cursor.number();
  if (opcode <= 11 || opcode === 92 || opcode === 93) memoryArgument(cursor);
  else if (opcode === 12 || opcode === 13) cursor.position += 16;
  else if (opcode >= 21 && opcode <= 34) cursor.position += 1;
  else if (opcode >= 84 && opcode <= 91) {
    memoryArgument(cursor);
    cursor.position += 1;
  }
}

/**
 * The waits and notifications of a function.
 *
 * @param body the function's declarations of locals and its instructions
 */
export function findAtomics(body: Uint8Array): AtomicInstruction[] {
  const cursor = new Cursor(body);
  for (let groups = cursor.number(); groups > 0; groups -= 1) {
    cursor.skip();
    skipType(cursor);
  }
  const found: AtomicInstruction[] = [];
  while (cursor.position < body.length) {
    const start = cursor.position;
    const opcode = cursor.byte();
    if (opcode === 0xfc) cursor.skip(bulkNumbers[cursor.number() - 8] ?? 0);
    else if (opcode === 0xfd) skipVectorImmediates(cursor);
    else if (opcode === 0xfe) {
      const atomic = cursor.number();
      if (atomic === 3) cursor.position += 1;
      else {
        const offset = memoryArgument(cursor);
        if (atomic <= 1) found.push({ kind: atomic === 1 ? 'wait' : 'notify', start, end: cursor.position, offset });
      }
    } else skipImmediates(cursor, opcode);
  }
  return found;
}
