import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

test('builds beyond the limit wait in their order and are told how many are before them', async () => {
  const slots = new Slots(1);
  const ahead: number[] = [];
  const entered: string[] = [];
  const wait = (name: string) =>
    slots
      .take(never, (count) => ahead.push(count))
      .then((leave) => {
        entered.push(name);
        return leave;
      });
  const leaveFirst = await wait('first');
  const second = wait('second');
  const third = wait('third');
  expect(ahead).toEqual([1, 2]);
  leaveFirst();
  leaveFirst();
  (await second)();
  await third;
  expect(entered).toEqual(['first', 'second', 'third']);
});

test('a build that is cancelled while it waits leaves its place', async () => {
  const slots = new Slots(1);
  const leave = await slots.take(never, () => {});
  const cancelled = new AbortController();
  const waiting = slots.take(cancelled.signal, () => {});
  cancelled.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  leave();
  await slots.take(never, () => expect.unreachable());
});
