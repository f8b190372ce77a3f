import { expect, it } from 'vitest';
import { clientFrame, closePayload, FrameReader, OPCODES } from './frames.ts';

const encoder = new TextEncoder();

/** A frame as a server sends it. */
function frame(opcode: number, payload: Uint8Array, final = true): Uint8Array {
  const masked = clientFrame(opcode, payload);
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const bytes = new Uint8Array([...masked.subarray(0, 2 + extended), ...payload]);
  bytes[0] = (final ? 0x80 : 0) | opcode;
  bytes[1] = (bytes[1] ?? 0) & 0x7f;
  return bytes;
}

it.each([0, 1, 125, 126, 65_535, 65_536, 200_000])('reads a message of %i bytes', (length) => {
  const payload = new Uint8Array(length).map((_, at) => at);
  expect(new FrameReader().read(frame(OPCODES.binary, payload))).toEqual([{ type: 'binary', bytes: payload }]);
  expect(new FrameReader().read(clientFrame(OPCODES.binary, payload))).toEqual([{ type: 'binary', bytes: payload }]);
});

it('reads frames however they are cut', () => {
  const bytes = new Uint8Array([
    ...frame(OPCODES.text, encoder.encode('hé'), false),
    ...frame(OPCODES.ping, encoder.encode('p')),
    ...frame(OPCODES.continuation, encoder.encode('llo')),
    ...frame(OPCODES.close, closePayload(1001, 'bye')),
  ]);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const reader = new FrameReader();
    const messages = [];
    for (let at = 0; at < bytes.length; at += size) messages.push(...reader.read(bytes.subarray(at, at + size)));
    expect(messages).toEqual([
      { type: 'ping', bytes: encoder.encode('p') },
      { type: 'text', text: 'héllo' },
      { type: 'close', code: 1001, reason: 'bye' },
    ]);
  }
});

it('unmasks what is masked', () => {
  const bytes = new Uint8Array([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2]);
  expect(new FrameReader().read(bytes)).toEqual([{ type: 'text', text: 'hi' }]);
});

it('refuses what is too large, and extensions', () => {
  const huge = new Uint8Array([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]);
  expect(() => new FrameReader().read(huge)).toThrow('too large');
  expect(() => new FrameReader().read(new Uint8Array([0xc1, 0]))).toThrow('extension');
});

it('closes without a code', () => {
  expect(new FrameReader().read(frame(OPCODES.close, closePayload(undefined, '')))).toEqual([
    { type: 'close', reason: '' },
  ]);
});
