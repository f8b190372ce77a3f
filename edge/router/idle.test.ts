import { expect, it, vi } from 'vitest';
import { endIdle } from './idle.ts';

const encoder = new TextEncoder();

it('lets a body go on as long as something moves, and ends it when nothing does', async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const onIdle = vi.fn();
  const reader = endIdle(readable, 200, onIdle).getReader();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  for (let count = 0; count < 4; count++) {
    await scheduler.wait(80);
    writer.write(encoder.encode('x')).catch(() => {});
    expect((await reader.read()).value).toEqual(encoder.encode('x'));
  }
  expect(onIdle).not.toHaveBeenCalled();
  await expect(reader.read()).rejects.toThrow('Nothing was sent for 0.2 seconds.');
  expect(onIdle).toHaveBeenCalledOnce();
});

it('says nothing of a body that ended', async () => {
  const onIdle = vi.fn();
  const body = endIdle(new Blob(['whole']).stream(), 50, onIdle);
  expect(await new Response(body).text()).toBe('whole');
  await scheduler.wait(120);
  expect(onIdle).not.toHaveBeenCalled();
});
