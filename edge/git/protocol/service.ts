import type { Env } from '../../env.ts';
import type { Limits } from '../limits.ts';
import type { RefUpdate, Repository } from '../repository.ts';
import { ByteReader } from './byte-reader.ts';

export interface Push {
  /** The name of its quarantine. */
  id: string;
  updates: RefUpdate[];
  pushOptions: string[];
}

/** Writes to the terminal of who pushes. Resolves when more can be taken; when nobody reads any more, at once. */
export type Progress = (text: string | Uint8Array) => Promise<void>;

/**
 * Decides about a push. Called when every object is stored and connected and no ref has moved. It may take minutes,
 * and goes on when the client is gone.
 */
export type PreReceive = (
  push: Push,
  progress: Progress,
) => Promise<{ accepted: true } | { accepted: false; reason: string }>;

/** One authorised request to a repository. */
export interface GitContext {
  app: { id: string; name: string };
  /** What follows `<app>.git/` in the path. */
  service: string;
  env: Pick<Env, 'BUCKET' | 'REPOSITORY'>;
  ctx: Pick<ExecutionContext, 'waitUntil'>;
  preReceive: PreReceive;
  limits?: Limits;
}

export const AGENT = 'islet/0.1';

export function repositoryOf(env: Pick<Env, 'REPOSITORY'>, appId: string): DurableObjectStub<Repository> {
  return env.REPOSITORY.get(env.REPOSITORY.idFromName(appId));
}

/** The body of a request, inflated if the client compressed it. */
export function openBody(request: Request, idleMs: number): ByteReader {
  const body = request.body ?? new Response('').body;
  if (!body) throw new Error('a request without a body');
  const encoding = request.headers.get('content-encoding');
  const gzip = encoding === 'gzip' || encoding === 'x-gzip';
  return new ByteReader(gzip ? body.pipeThrough(new DecompressionStream('gzip')) : body, idleMs);
}

/** The protocol version the client asks for: 0, 1 or 2. */
export function protocolVersion(request: Request): number {
  const versions = (request.headers.get('git-protocol') ?? '').split(':').map((part) => /^version=([012])$/.exec(part));
  return Math.max(0, ...versions.map((match) => Number(match?.[1] ?? 0)));
}

export function gitResponse(type: string, body: BodyInit): Response {
  return new Response(body, {
    headers: {
      'content-type': `application/x-git-${type}`,
      'cache-control': 'no-cache, max-age=0, must-revalidate',
      expires: 'Fri, 01 Jan 1980 00:00:00 GMT',
      pragma: 'no-cache',
    },
  });
}
