/**
 * Tar as POSIX has it (pax Interchange Format): a header of 512 bytes for each file, then its content, filled up to
 * 512 bytes, and two empty blocks at the end. What does not fit a field goes into an extended header before it.
 */
const BLOCK = 512;
const NAME_BYTES = 100;
/** What fits the size field's eleven octal digits. */
const MAX_SIZE = 8 ** 11 - 1;

export interface TarEntry {
  /** Relative, in bytes as git has them. */
  path: Uint8Array;
  kind: 'file' | 'link';
  executable: boolean;
  /** Bytes of content; 0 for a link. */
  size: number;
  /** Where a link leads. */
  target?: Uint8Array;
  /** Seconds since 1970. */
  time: number;
}

/** The header of an entry, extended if need be. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const { path, kind, executable, size, target = new Uint8Array(0), time } = entry;
  const records = [
    ...(path.length > NAME_BYTES ? [paxRecord('path', path)] : []),
    ...(target.length > NAME_BYTES ? [paxRecord('linkpath', target)] : []),
    ...(size > MAX_SIZE ? [paxRecord('size', Buffer.from(String(size)))] : []),
  ];
  const blocks: Uint8Array[] = [];
  if (records.length > 0) {
    const pax = Buffer.concat(records);
    const fields = { path: Buffer.from('PaxHeader'), mode: 0o644, size: pax.length, time, type: 'x', target: empty };
    blocks.push(header(fields), pax, tarPadding(pax.length));
  }
  const mode = kind === 'link' ? 0o777 : executable ? 0o755 : 0o644;
  blocks.push(
    header({ path, mode, size: size > MAX_SIZE ? 0 : size, time, type: kind === 'link' ? '2' : '0', target }),
  );
  return Buffer.concat(blocks);
}

/** What fills the last block of a content of so many bytes. */
export const tarPadding = (size: number): Uint8Array => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

export const tarEnd = (): Uint8Array => new Uint8Array(2 * BLOCK);

const empty = new Uint8Array(0);

interface Fields {
  path: Uint8Array;
  mode: number;
  size: number;
  time: number;
  type: string;
  target: Uint8Array;
}

function header({ path, mode, size, time, type, target }: Fields): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) => block.write(value.toString(8).padStart(digits, '0'), at);
  block.set(path.subarray(0, NAME_BYTES), 0);
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Math.min(time, MAX_SIZE), 136, 11);
  block.write('        ', 148);
  block.write(type, 156);
  block.set(target.subarray(0, NAME_BYTES), 157);
  block.write('ustar\x0000', 257);
  block.write('root', 265);
  block.write('root', 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length > length) length += 1;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}
