import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { handleGit } from '../handle.ts';

/** The answer of a fetch: the whole of it, and the pack in it. */
export interface Fetched {
  text: string;
  /** What came on band 1; empty when there is no pack. */
  pack: Uint8Array;
}

/**
 * Fetches from the repository of an app.
 * @param body of `POST git-upload-pack`
 * @param version of the protocol
 */
export async function fetchFrom(
  app: string,
  body: BodyInit,
  version: number,
  headers: Record<string, string> = {},
): Promise<Fetched> {
  const ctx = createExecutionContext();
  const request = new Request(`http://git/${app}.git/git-upload-pack`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-upload-pack-request',
      'git-protocol': `version=${version}`,
      ...headers,
    },
    body,
  });
  const response = await handleGit(request, {
    app: { id: app, name: app },
    service: 'git-upload-pack',
    env,
    ctx,
    preReceive: async () => ({ accepted: false, reason: 'this is a fetch' }),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  await waitOnExecutionContext(ctx);
  return { text: answer.toString('latin1'), pack: Buffer.concat(bandOne(answer)) };
}

function bandOne(answer: Buffer): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at + 4 <= answer.length; ) {
    const length = Number.parseInt(answer.toString('latin1', at, at + 4), 16);
    if (length > 4 && answer[at + 4] === 1) pieces.push(answer.subarray(at + 5, at + length));
    at += Math.max(length, 4);
  }
  return pieces;
}
