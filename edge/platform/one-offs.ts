/** One-off dynos, which the builder runs: see schema/one-off.ts. */
import { eq } from 'drizzle-orm';
import {
  type AttachPoint,
  attachPoint,
  type OneOffDyno,
  type OneOffOrder,
  oneOffDyno,
  oneOffEvent,
} from '../../schema/one-off.ts';
import { slugs } from '../../schema/tables.ts';
import { jsonLines } from '../builds/json-lines.ts';
import type { Env } from '../env.ts';
import { database } from './database.ts';
import { ApiError, invalid } from './errors.ts';
import { type Release, releaseConfig } from './releases.ts';

/** How long the builder may take to answer. Milliseconds. */
const PATIENCE_MS = 10_000;

export interface OneOffRequest {
  app: { id: string; name: string };
  /** Whose slug and config vars it gets. */
  release: Release;
  type: string;
  command: string;
  tty?: boolean;
  size: string;
  /** Added to the config vars. */
  env?: Record<string, string>;
}

/** Starts a command that waits for its client. */
export async function startAttached(env: Env, request: OneOffRequest): Promise<AttachPoint> {
  const response = await post(env, await orderOf(env, request, 'attached'));
  return attachPoint.parse(await response.json());
}

/** Starts a command whose output goes to the app's log. */
export async function startDetached(env: Env, request: OneOffRequest): Promise<OneOffDyno> {
  const response = await post(env, await orderOf(env, request, 'detached'));
  if (response.body) {
    for await (const value of jsonLines(response.body)) {
      const event = oneOffEvent.parse(value);
      if (event.type === 'started') return event.dyno;
    }
  }
  throw new Error('The builder broke off as it started a one-off dyno.');
}

/**
 * Runs the command of a release phase to its end, or until `signal`.
 *
 * @param onOutput takes what it prints, as it comes
 * @returns its exit status, and why the platform ended it if it did
 */
export async function runReleasePhase(
  env: Env,
  request: OneOffRequest,
  { onOutput, signal }: { onOutput: (text: string) => void; signal: AbortSignal },
): Promise<{ status: number; reason?: string }> {
  const response = await post(env, await orderOf(env, request, 'release'), signal);
  if (response.body) {
    for await (const value of jsonLines(response.body)) {
      const event = oneOffEvent.parse(value);
      if (event.type === 'output') onOutput(event.text);
      if (event.type === 'exit') return event;
    }
  }
  throw new Error('The builder broke off a release command.');
}

/** The one-off dynos of an app that run now. */
export async function oneOffDynos(env: Env, appId: string): Promise<OneOffDyno[]> {
  try {
    const response = await fetch(`${env.BUILDER_URL}/dynos/${appId}`, {
      headers: { authorization: `Bearer ${env.INTERNAL_SECRET}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return oneOffDyno.array().parse(await response.json());
  } catch {
    // Without a builder there are none.
    return [];
  }
}

/** Ends one-off dynos of an app: SIGTERM, and SIGKILL after 30 seconds. */
export async function stopOneOffs(env: Env, appId: string, ids: readonly string[]): Promise<void> {
  await Promise.all(
    ids.map(async (id) => {
      const response = await fetch(`${env.BUILDER_URL}/dynos/${appId}/${id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${env.INTERNAL_SECRET}` },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await response.body?.cancel();
    }),
  );
}

async function orderOf(env: Env, request: OneOffRequest, mode: OneOffOrder['mode']): Promise<OneOffOrder> {
  const { app, release, type, command, tty = false, size } = request;
  const slug =
    release.slugId === null
      ? undefined
      : await database(env.DB).query.slugs.findFirst({ where: eq(slugs.id, release.slugId) });
  if (!slug?.sha256) throw invalid(`${app.name} has nothing to run yet: deploy it first.`);
  const internal = `${env.EDGE_URL}/internal`;
  return {
    id: crypto.randomUUID(),
    app: { id: app.id, name: app.name },
    type,
    command,
    mode,
    tty,
    size,
    release: { id: release.id, version: release.version },
    slug: `${internal}/slugs/${slug.sha256}`,
    packages: `${internal}/engines`,
    logs: `${internal}/logs`,
    env: { ...(await releaseConfig(env, release)), ...request.env },
  };
}

async function post(env: Env, order: OneOffOrder, signal?: AbortSignal): Promise<Response> {
  const unavailable = () =>
    new ApiError(
      503,
      'service_unavailable',
      'No builder could be reached, which runs one-off dynos. Try again in a moment.',
    );
  const response = await fetch(`${env.BUILDER_URL}/dynos`, {
    method: 'POST',
    headers: { authorization: `Bearer ${env.INTERNAL_SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify(order),
    signal,
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    console.error('The builder does not answer:', error);
    throw unavailable();
  });
  if (response.ok) return response;
  const answer = (await response.json().catch(() => ({}))) as { message?: string };
  if (response.status === 429) throw invalid(answer.message ?? 'Too many one-off dynos run.');
  console.error(`The builder answered ${response.status} to a one-off dyno: ${answer.message}`);
  throw unavailable();
}
