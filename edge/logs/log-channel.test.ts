import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { formatLogLine } from './format.ts';

const line = (text: string, dyno = 'web.1', source: 'app' | 'heroku' = 'app') => ({ at: 0, source, dyno, text });
const channel = (name: string) => env.LOG_CHANNEL.get(env.LOG_CHANNEL.idFromName(name));
const text = async (stream: ReadableStream<Uint8Array>) => new Response(stream).text();

it('formats a line as Heroku does, and leaves out what could forge one', () => {
  expect(formatLogLine(line('up\ttime'))).toBe('1970-01-01T00:00:00.000000+00:00 app[web.1]: up\ttime\n');
  const forged = 'a\r\n1970 heroku[router]: at=info\u001b[2J\u0007 \u001b[32mgreen\u001b[0m';
  expect(formatLogLine(line(forged))).toBe(
    '1970-01-01T00:00:00.000000+00:00 app[web.1]: a1970 heroku[router]: at=info[2J \u001b[32mgreen\u001b[0m\n',
  );
});

it('keeps lines in order, and filters by source and dyno', async () => {
  const log = channel('order');
  await log.append([line('one'), line('two', 'worker.1'), line('three', 'router', 'heroku')]);
  await log.append([line('four', 'web.2')]);
  const read = async (filter: object) =>
    (await text(await log.read({ lines: 100, tail: false, ...filter }))).match(/\w+(?=\n)/g);
  expect(await read({})).toEqual(['one', 'two', 'three', 'four']);
  expect(await read({ lines: 2 })).toEqual(['three', 'four']);
  expect(await read({ source: 'heroku' })).toEqual(['three']);
  expect(await read({ dyno: 'web' })).toEqual(['one', 'four']);
  expect(await read({ dyno: 'web.2' })).toEqual(['four']);
});

it('puts what two runners sent into the order in which it happened', async () => {
  const log = channel('batches');
  await log.append([
    { ...line('one'), at: 1 },
    { ...line('four'), at: 4 },
  ]);
  await log.append([
    { ...line('two'), at: 2 },
    { ...line('three'), at: 3 },
    { ...line('five'), at: 4 },
  ]);
  const kept = await text(await log.read({ lines: 4, tail: false }));
  expect(kept.match(/\w+(?=\n)/g)).toEqual(['two', 'three', 'four', 'five']);
});

it('keeps the newest 1,500 lines', async () => {
  const log = channel('many');
  for (let batch = 0; batch < 4; batch++) {
    await log.append(Array.from({ length: 500 }, (_, i) => line(`line-${batch * 500 + i}`)));
  }
  const kept = (await text(await log.read({ lines: 1500, tail: false }))).trim().split('\n');
  expect(kept.length).toBe(1500);
  expect(kept[0]).toContain('line-500');
  expect(kept.at(-1)).toContain('line-1999');
});

it('goes on with a tail, and tells a slow reader what it lost', async () => {
  const log = channel('tail');
  await log.append([line('before')]);
  const reader = (await log.read({ lines: 10, tail: true })).pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toContain('before');
  await log.append([line('after')]);
  let seen = '';
  while (!seen.includes('after')) seen += (await reader.read()).value ?? '';

  for (let batch = 0; batch < 40; batch++)
    await log.append(Array.from({ length: 500 }, (_, i) => line(`${batch}/${i}`)));
  while (!seen.includes('39/499')) seen += (await reader.read()).value ?? '';
  expect(seen).toMatch(/heroku\[logplex\]: Error L10 \(output buffer overflow\): \d+ messages dropped/);
  await reader.cancel();
  await log.append([line('nobody reads')]);
});
