/** Work on images beside a machine, by programs that are not trusted. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { endConfined, startConfined } from '../confined.ts';
import { createSandbox } from '../index.ts';
import { defaultLimits, LimitError } from '../limits.ts';
import { encodeEntries } from '../protocol.ts';
import { files, runLine } from '../testing.ts';
import { ImageEngine } from './index.ts';
import { unpack } from './values.ts';

/** One pixel of PNG. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const input = { failOn: 'warning', limitInputPixels: 1000, limitInputChannels: 5, unlimited: false, autoOrient: false };

let engine = new ImageEngine(defaultLimits);
afterEach(() => engine.close());

async function metadata(source: object, bytes: Uint8Array[] = []): Promise<unknown> {
  engine.expect(1);
  const entries = bytes.map((content) => ({ type: 'file' as const, path: '0', mode: 0, content }));
  for (const batch of encodeEntries(entries)) engine.receive(1, batch);
  return unpack(await engine.run({ operation: 'metadata', options: { input: { ...input, ...source } } }, 1));
}

test('an image goes out and what libvips says of it comes back', async () => {
  engine = new ImageEngine(defaultLimits);
  expect(await metadata({ buffer: { $bytes: 0 } }, [pixel])).toMatchObject([{ format: 'png', width: 1, height: 1 }]);
  await expect(metadata({ buffer: { $bytes: 0 } }, [Buffer.from('no image')])).rejects.toThrow(
    /unsupported image format/,
  );
});

test('no file of the host is read, whatever names it', async () => {
  engine = new ImageEngine(defaultLimits);
  const directory = await mkdtemp(join(tmpdir(), 'images-test-'));
  const file = join(directory, 'pixel.png');
  await writeFile(file, pixel);
  await expect(metadata({ file })).rejects.toThrow('the engine for images has no files, and was given file');
  await rm(directory, { recursive: true });
});

test('a process beside a machine reads nothing but what it is given, and has no network', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'images-test-'));
  await mkdir(join(directory, 'program'));
  await writeFile(join(directory, 'secret'), '');
  const program = join(directory, 'program', 'probe.cjs');
  await writeFile(
    program,
    `const attempts = [() => require('fs').readFileSync('${directory}/secret'), () => require('fs').writeFileSync(__filename, ''),
      () => require('child_process').spawnSync('true'), () => new Promise((done, fail) => require('net').connect(9, '127.0.0.1').on('error', fail))];
    const tried = attempts.map(async (attempt) => { try { await attempt(); return 'done' } catch ({ code, cause }) { return code ?? cause?.code } });
    Promise.all(tried).then((codes) => process.send({ codes, env: Object.keys(process.env), read: require('fs').readFileSync(__filename).length > 0 }));`,
  );
  const { child } = startConfined(program, { readable: [join(directory, 'program')] });
  const answer = await new Promise((resolve) => child.once('message', resolve));
  await endConfined(child);
  await rm(directory, { recursive: true });
  expect(answer).toMatchObject({ codes: Array(4).fill('ERR_ACCESS_DENIED'), read: true });
});

test('what is no operation, or lacks its bytes, is refused', async () => {
  engine = new ImageEngine(defaultLimits);
  await expect(engine.run({ operation: 'cache', options: {} }, 1)).rejects.toThrow('there is no operation "cache"');
  await expect(engine.run({ operation: 'stats' }, 1)).rejects.toThrow('options are no object');
  await expect(metadata({ buffer: { $bytes: 3 } })).rejects.toThrow('the bytes of a value did not come');
});

test('more than a tree may hold is over its limit', async () => {
  engine = new ImageEngine({ ...defaultLimits, treeBytes: pixel.length - 1 });
  await expect(metadata({ buffer: { $bytes: 0 } }, [pixel])).rejects.toThrow(LimitError);
});

test('the engine is ended with its machine', async () => {
  const sandbox = await createSandbox();
  await sandbox.writeEntries(
    files({
      'main.mjs': `const work = globalThis[Symbol.for('sandbox.images')];
        const buffer = Buffer.from('${pixel.toString('base64')}', 'base64');
        const [{ format }] = await work('metadata', { input: { ...${JSON.stringify(input)}, buffer } });
        console.log(format);
        await work('metadata', { input: { ...${JSON.stringify(input)}, file: '/etc/hostname' } }).catch((error) => console.log(error.message));`,
    }),
  );
  const { stdout, stderr } = await runLine(sandbox, 'node main.mjs');
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^png\nthe engine for images has no files.*\n$/);
  await sandbox.close();
});
