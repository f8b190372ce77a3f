import { expect, it } from 'vitest';
import type { LogLine } from '../../schema/route.ts';
import type { Context } from '../router/route-cache.ts';
import { LogShipper } from './log-shipper.ts';

const line = (app: string, text: string): LogLine => ({ app, at: Date.now(), source: 'app', dyno: 'web.1', text });

/** A context that can be waited for. */
function waiting(): Context & { done(): Promise<unknown> } {
  const work: Promise<unknown>[] = [];
  return { waitUntil: (promise) => void work.push(promise), done: () => Promise.all(work) };
}

it('sends what is logged together at once, in order', async () => {
  const sent: LogLine[][] = [];
  const shipper = new LogShipper(async (lines) => void sent.push(lines));
  const context = waiting();
  for (const text of ['1', '2', '3']) shipper.log(line('a', text), context);
  await context.done();
  expect(sent.map((lines) => lines.map(({ text }) => text))).toEqual([['1', '2', '3']]);
  shipper.log(line('a', '4'), context);
  shipper.log(line('a', '5'), waiting());
  expect([shipper.sendsIn(context), shipper.sendsIn(waiting())]).toEqual([true, false]);
  await context.done();
  expect(shipper.sendsIn(context)).toBe(false);
  expect(sent).toHaveLength(2);
});

it('drops and counts what one app writes too fast, and keeps the lines of others', async () => {
  const sent: LogLine[] = [];
  const shipper = new LogShipper(async (lines) => void sent.push(...lines));
  const context = waiting();
  for (let i = 0; i < 6_000; i++) shipper.log(line('loud', String(i)), context);
  shipper.log(line('quiet', 'heard'), context);
  await context.done();
  expect(sent.filter(({ app, source }) => app === 'loud' && source === 'app')).toHaveLength(5_000);
  expect(sent).toContainEqual(expect.objectContaining({ app: 'quiet', text: 'heard' }));
  expect(sent.filter(({ source }) => source === 'heroku')).toEqual([
    expect.objectContaining({ app: 'loud', text: 'Error L10 (output buffer overflow): 1000 messages dropped.' }),
  ]);
});

it('goes on when the edge does not answer', async () => {
  let calls = 0;
  const shipper = new LogShipper(async () => {
    calls += 1;
    throw new Error('The edge is down.');
  });
  const context = waiting();
  shipper.log(line('a', '1'), context);
  await context.done();
  shipper.log(line('a', '2'), context);
  await context.done();
  expect(calls).toBe(2);
});
