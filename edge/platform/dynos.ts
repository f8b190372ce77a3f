/** The dynos of an app's formation: the runners know how each one is, and are asked. */
import { asc, eq } from 'drizzle-orm';
import type { DynoStatus } from '../../schema/route.ts';
import { dynoStatus } from '../../schema/route.ts';
import { formation } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { type PlacedDyno, place } from '../router/placement.ts';
import { dynoKey } from '../runtimes/dyno-name.ts';
import type { App } from './apps.ts';
import { database } from './database.ts';
import { routeOf, runnerUrl } from './routes.ts';

/** How long a runner may take to answer. Milliseconds. */
const PATIENCE_MS = 5_000;

export interface FormationDyno {
  id: string;
  /** `web.1` */
  name: string;
  type: string;
  state: DynoStatus['state'];
  command: string;
  size: string;
  release: { id: string; version: number };
  createdAt: string;
  /** When it came into its state. */
  updatedAt: string;
}

/** All dynos of an app's formation, by type and number. */
export async function formationDynos(env: Env, app: App): Promise<FormationDyno[]> {
  const route = await routeOf(env, app);
  const { release } = route;
  if (!release) return [];
  const rows = await database(env.DB).query.formation.findMany({
    where: eq(formation.appId, app.id),
    orderBy: asc(formation.type),
  });
  const placed = place(route, runnersOf(env).length || 1);
  const statuses = new Map((await askAll(env, app, placed)).map((status) => [status.name, status]));
  return Promise.all(
    rows.flatMap(({ type, command, size }) =>
      placed
        .filter((dyno) => dyno.type === type)
        .map(async ({ dyno: name }) => {
          const status = statuses.get(name);
          const updatedAt = status?.since ? new Date(status.since).toISOString() : release.createdAt;
          return {
            id: status?.id ?? (await uuidOf(dynoKey({ app: app.id, dyno: name }))),
            name,
            type,
            state: status?.state ?? 'down',
            command,
            size,
            release: status?.release ?? { id: release.id, version: release.version },
            createdAt: updatedAt,
            updatedAt,
          };
        }),
    ),
  );
}

/** Has dynos of an app start anew; those that nobody has asked for yet stay idle. */
export async function restartDynos(env: Env, app: App, names: readonly string[]): Promise<void> {
  const route = await routeOf(env, app);
  const placed = place(route, runnersOf(env).length || 1).filter(({ dyno }) => names.includes(dyno));
  await Promise.all(
    byRunner(placed).map(async ([runner, dynos]) => {
      if (runnersOf(env).length === 0) await Promise.all(dynos.map((dyno) => stubOf(env, app, dyno).restart()));
      else await (await call(env, runner, 'POST', '/dynos/restart', { app: app.id, dynos })).body?.cancel();
    }),
  );
}

async function askAll(env: Env, app: App, placed: PlacedDyno[]): Promise<DynoStatus[]> {
  const answers = await Promise.all(
    byRunner(placed).map(async ([runner, dynos]): Promise<DynoStatus[]> => {
      if (runnersOf(env).length === 0) return Promise.all(dynos.map((dyno) => stubOf(env, app, dyno).status()));
      try {
        const answer = await call(env, runner, 'POST', '/dynos/status', { app: app.id, dynos });
        return dynoStatus.array().parse(await answer.json());
      } catch (error) {
        console.error(`Runner ${runner} did not say how the dynos of ${app.name} are: ${error}`);
        return [];
      }
    }),
  );
  return answers.flat();
}

const runnersOf = (env: Env): string[] => JSON.parse(env.RUNNERS);

/** Where there are no runners, the edge has every dyno itself. */
const stubOf = (env: Env, app: App, dyno: string) => env.DYNO.get(env.DYNO.idFromName(dynoKey({ app: app.id, dyno })));

const byRunner = (placed: PlacedDyno[]): [number, string[]][] =>
  [...Map.groupBy(placed, ({ runner }) => runner)].map(([runner, dynos]) => [runner, dynos.map(({ dyno }) => dyno)]);

async function call(env: Env, runner: number, method: string, path: string, body: unknown): Promise<Response> {
  const response = await fetch(`${runnerUrl(env, runner)}${path}`, {
    method,
    headers: { authorization: `Bearer ${env.INTERNAL_SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (response.ok) return response;
  await response.body?.cancel();
  throw new Error(`It answered ${response.status}.`);
}

/** The same for the same text, in the form of a UUID (RFC 9562, version 8). */
async function uuidOf(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toHex();
  const variant = `8${hash.slice(17, 20)}`;
  return [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, variant, hash.slice(20, 32)].join('-');
}
