import v8 from 'node:v8';
import { expect, onTestFinished, test } from 'vitest';
import { deserialize, serialize } from './guest/node/serialize.ts';
import { createSandbox } from './index.ts';
import { runLine } from './testing.ts';

const circular: Record<string, unknown> = { name: 'ring' };
circular.self = circular;
const shared = { n: 1 };
const sparse: number[] = [];
sparse[0] = 1;
sparse[2] = 3;
const named = Object.assign(['a'], { b: 'c' });

const values: [string, unknown][] = [
  ['nothing', [undefined, null]],
  ['booleans and their objects', [true, false, Object(true), Object(false)]],
  // An array of numbers alone has a form of its own in V8's memory.
  [
    'numbers',
    ['', 0, -0, 1, -1, 127, 128, 2 ** 30 - 1, 2 ** 30, -(2 ** 30), 2 ** 31, 1.5, Number.NaN, Infinity, Object(3)],
  ],
  ['bigints', [0n, 1n, -1n, 2n ** 64n, -(2n ** 130n)]],
  ['strings', ['', 'abc', 'é', 'ü€', '💡', 'x'.repeat(300), `${'€'.repeat(200)}`, Object('s')]],
  ['objects', { a: 1, 2: 'two', 'é€': { deep: [] }, __proto__x: 1 }],
  ['dates', [new Date(0), new Date(Number.NaN)]],
  ['regular expressions', [/a+/gi, /b/u, /c/dsy]],
  [
    'maps and sets',
    [
      new Map<unknown, unknown>([
        [1, { a: 1 }],
        ['k', new Set([1, 'x'])],
      ]),
    ],
  ],
  ['arrays', [[], [1, 'a', [2]], sparse, named]],
  [
    'bytes',
    [
      Buffer.from('héllo'),
      new Uint8Array([1, 2]),
      new Float64Array([0.5]),
      new DataView(new ArrayBuffer(3)),
      new ArrayBuffer(2),
      new BigInt64Array([-1n]),
    ],
  ],
  ['what is there twice', [shared, shared]],
  ['circles', circular],
];

test.each(values)('%s, in the bytes of V8', (_, value) => {
  expect(serialize(value).toString('hex')).toBe(v8.serialize(value).toString('hex'));
  expect(deserialize(v8.serialize(value))).toEqual(value);
});

test('errors', () => {
  const error = new TypeError('wrong', { cause: [1] });
  const back = v8.deserialize(serialize(error)) as Error;
  expect(back).toBeInstanceOf(TypeError);
  expect(back).toMatchObject({ message: 'wrong', cause: [1], stack: error.stack });
  expect(deserialize(v8.serialize(error))).toMatchObject({ message: 'wrong', stack: error.stack });
});

test('keeps what is one, one', () => {
  const [first, second] = deserialize(serialize([shared, shared])) as object[];
  expect(first).toBe(second);
  const ring = deserialize(serialize(circular)) as typeof circular;
  expect(ring.self).toBe(ring);
});

test.each([[() => {}], [Symbol('s')], [{ deep: [new WeakMap()] }]])('refuses %s', (value) => {
  expect(() => serialize(value)).toThrow(/could not be cloned/);
});

test.each(['', 'ff', 'ff0f', 'ff0f4180', 'ff0f22ff', 'ff0f5e05', 'fe0f54'])('refuses the bytes %s', (hex) => {
  expect(() => deserialize(Buffer.from(hex, 'hex'))).toThrow('Unable to deserialize cloned data.');
});

test('is what programs of a machine get', async () => {
  const sandbox = await createSandbox();
  onTestFinished(() => sandbox.close());
  const line =
    "node -p \"const v8 = require('node:v8'); v8.deserialize(v8.serialize(new Map([['a', Buffer.from('b')]])))\"";
  const { stdout } = await runLine(sandbox, line, { cwd: '/' });
  expect(stdout).toBe("Map(1) { 'a' => <Buffer 62> }\n");
});
