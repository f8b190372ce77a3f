import { expect, it } from 'vitest';
import { Backlog } from './backlog.ts';

it('takes so many requests of an app, whatever others have', () => {
  const backlog = new Backlog(2);
  const leave = backlog.enter('a', 0);
  expect(backlog.enter('a', 0)).toBeDefined();
  expect(backlog.enter('a', 0)).toBeUndefined();
  expect(backlog.enter('b', 0)).toBeDefined();
  leave?.();
  leave?.();
  expect(backlog.enter('a', 0)).toBeDefined();
  expect(backlog.enter('a', 0)).toBeUndefined();
});

it('forgets those whose clients have left', () => {
  const backlog = new Backlog(1);
  backlog.enter('a', 0);
  expect(backlog.enter('a', 60_000)).toBeUndefined();
  expect(backlog.enter('a', 70_000)).toBeDefined();
});
