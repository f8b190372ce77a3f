import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { BuildOutput } from './build-output.ts';

/** Runs `test` on the output of a Durable Object of its own. */
const withOutput = (name: string, test: (output: BuildOutput, pending: Set<string>) => Promise<void>) =>
  runInDurableObject(env.BUILD_QUEUE.get(env.BUILD_QUEUE.idFromName(name)), async (_, state) => {
    const pending = new Set<string>();
    await test(new BuildOutput(state.storage.sql, (id) => pending.has(id)), pending);
  });

const text = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();

it('gives every reader all of it, early or late', () =>
  withOutput('readers', async (output, pending) => {
    pending.add('a');
    const early = text(output.read('a'));
    output.append('a', 'one ');
    output.append('b', 'another build');
    const middle = text(output.read('a'));
    output.append('a', 'two');
    pending.delete('a');
    output.end('a');
    expect(await Promise.all([early, middle, text(output.read('a'))])).toEqual(['one two', 'one two', 'one two']);
  }));

it('is empty, and ends, for a build that never printed', () =>
  withOutput('silent', async (output) => {
    expect(await text(output.read('a'))).toBe('');
  }));

it('keeps 10 MB of a build, and says so', () =>
  withOutput('large', async (output) => {
    for (let i = 0; i < 11; i++) output.append('a', 'x'.repeat(1024 * 1024));
    output.end('a');
    const kept = await text(output.read('a'));
    expect(kept.length).toBeLessThan(10.1 * 1024 * 1024);
    expect(kept).toMatch(/More than 10 MB of output; the rest is not kept\.\n$/);
  }));
