import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { handleGit } from '../handle.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { type Oid, ZERO_OID } from '../objects/oid.ts';
import { FLUSH, pktLine } from '../protocol/pkt-line.ts';
import type { PreReceive } from '../protocol/service.ts';
import { repositoryOf } from '../protocol/service.ts';

export interface PushOptions {
  ref?: string;
  headers?: Record<string, string>;
  old?: Oid;
  limits?: Partial<Limits>;
  preReceive?: PreReceive;
}

/** The request of a push that creates one ref. */
export function pushBody(oid: Oid, pack: Uint8Array, { ref = 'refs/heads/main', old = ZERO_OID }: PushOptions = {}) {
  return Buffer.concat([pktLine(`${old} ${oid} ${ref}\0report-status side-band-64k`), FLUSH, pack]);
}

/** Pushes to the repository of an app, and gives the whole of the answer. */
export async function send(app: string, body: BodyInit, options: PushOptions = {}): Promise<string> {
  const ctx = createExecutionContext();
  const request = new Request(`http://git/${app}.git/git-receive-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-receive-pack-request', ...options.headers },
    body,
  });
  const response = await handleGit(request, {
    app: { id: app, name: app },
    service: 'git-receive-pack',
    env,
    ctx,
    limits: { ...defaultLimits, ...options.limits },
    preReceive: options.preReceive ?? (async () => ({ accepted: true })),
  });
  const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
  await waitOnExecutionContext(ctx);
  return text;
}

export const push = (app: string, oid: Oid, pack: Uint8Array, options: PushOptions = {}): Promise<string> =>
  send(app, pushBody(oid, pack, options), options);

/** What is left of a repository: its refs, and its keys in R2. */
export async function remains(app: string): Promise<{ refs: string[]; keys: string[] }> {
  const { refs } = await repositoryOf(env, app).snapshot();
  const { objects } = await env.BUCKET.list({ prefix: `git/${app}/` });
  return { refs: refs.map(({ name, oid }) => `${oid} ${name}`), keys: objects.map(({ key }) => key) };
}
