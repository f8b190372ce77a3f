import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from './testing.ts';

test('the process empties its work directory, says when it takes orders, and ends on SIGTERM', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'work/old-build'), { recursive: true });
  writeFileSync(join(directory, 'work/old-build/file'), '');
  const builder = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {
      ...process.env,
      INTERNAL_SECRET: 'a secret for this test',
      CACHE_DIR: join(directory, 'cache'),
      WORK_DIR: join(directory, 'work'),
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void builder.kill('SIGKILL'));
  const [message] = await once(builder, 'message');
  expect(message).toEqual({ ready: true, port: expect.any(Number) });
  expect(existsSync(join(directory, 'work/old-build'))).toBe(false);
  expect((await fetch(`http://127.0.0.1:${message.port}/health`)).status).toBe(200);
  builder.kill('SIGTERM');
  expect(await once(builder, 'exit')).toEqual([0, null]);
});
