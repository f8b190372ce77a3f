/** Dynos: what runs of an app now (Platform API Reference, "Dyno"). */
import type * as Heroku from '@heroku-cli/schema';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import type { OneOffDyno } from '../../schema/one-off.ts';
import { writeLog } from '../logs/write.ts';
import type { App } from '../platform/apps.ts';
import { database } from '../platform/database.ts';
import { DEFAULT_SIZE, dynoSize } from '../platform/dyno-sizes.ts';
import { type FormationDyno, formationDynos, restartDynos } from '../platform/dynos.ts';
import { notFound } from '../platform/errors.ts';
import { oneOffDynos, startAttached, startDetached, stopOneOffs } from '../platform/one-offs.ts';
import { currentRelease } from '../platform/releases.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';
import type { Resource } from './heroku.ts';
import { body } from './validate.ts';

export const dynos = new Hono<ApiContext>();

/** What the client of `heroku run` knows of its own terminal comes as numbers. */
const environment = z.record(
  z.string().regex(/^[A-Za-z_][\w.-]*$/, 'is no name of a variable'),
  z.union([z.string(), z.number()]).nullish(),
);

const run = z.object({
  command: z.string().trim().min(1, 'must not be empty').max(32_768),
  attach: z.boolean().nullish(),
  env: environment.nullish(),
  force_no_tty: z.boolean().nullish(),
  size: z.string().nullish(),
  type: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/, 'is no name of a process type')
    .nullish(),
});

type Dyno = FormationDyno & { oneOff: boolean };

dynos.get('/apps/:app/dynos', async (c) => {
  const app = await appOf(c);
  return c.json((await allDynos(c, app)).map((dyno) => dynoResource(app, dyno)));
});

/** Runs a command once, in a dyno of its own. */
dynos.post('/apps/:app/dynos', async (c) => {
  const app = await appOf(c);
  const { command, attach, env, force_no_tty, size, type } = await body(c, run);
  const given = Object.entries(env ?? {}).flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]]));
  const request = {
    app,
    release: await currentRelease(database(c.env.DB), app.id),
    type: type ?? 'run',
    command,
    // Whoever has no terminal does not know its width.
    tty: attach === true && force_no_tty !== true && env?.COLUMNS != null,
    size: dynoSize(size ?? DEFAULT_SIZE).name,
    env: Object.fromEntries(given),
  };
  const text = `Starting process with command \`${command}\` by user ${c.get('user').email}`;
  await writeLog(c.env, app.id, { source: 'app', dyno: 'api', text });
  if (attach !== true) return c.json(dynoResource(app, fromOneOff(await startDetached(c.env, request))), 201);
  const { dyno, port, secret } = await startAttached(c.env, request);
  const attachUrl = `rendezvous://${new URL(c.req.url).hostname}:${port}/${secret}`;
  return c.json({ ...dynoResource(app, fromOneOff(dyno)), attach_url: attachUrl }, 201);
});

dynos.get('/apps/:app/dynos/:dyno', async (c) => {
  const app = await appOf(c);
  return c.json(dynoResource(app, await find(c, app)));
});

/** Restarts all dynos of the formation. */
dynos.delete('/apps/:app/dynos', async (c) => {
  const app = await appOf(c);
  return restart(
    c,
    app,
    (await allDynos(c, app)).filter(({ oneOff }) => !oneOff),
  );
});

dynos.delete('/apps/:app/dynos/:dyno', async (c) => {
  const app = await appOf(c);
  return restart(c, app, [await find(c, app)]);
});

/** A dyno of the formation that is stopped is started again: only its scale says that it is not to run. */
dynos.post('/apps/:app/dynos/:dyno/actions/stop', async (c) => {
  const app = await appOf(c);
  return restart(c, app, [await find(c, app)]);
});

/** Restarts the dynos of a process type. */
dynos.delete('/apps/:app/formations/:type', async (c) => {
  const app = await appOf(c);
  return restart(c, app, await ofType(c, app));
});

dynos.post('/apps/:app/formations/:type/actions/stop', async (c) => {
  const app = await appOf(c);
  return restart(c, app, await ofType(c, app));
});

/** Those of the formation start anew; one-off dynos end. */
async function restart(c: Context<ApiContext>, app: App, which: Dyno[]): Promise<Response> {
  const [oneOffs, others] = [which.filter(({ oneOff }) => oneOff), which.filter(({ oneOff }) => !oneOff)];
  await Promise.all([
    restartDynos(
      c.env,
      app,
      others.map(({ name }) => name),
    ),
    stopOneOffs(
      c.env,
      app.id,
      oneOffs.map(({ id }) => id),
    ),
  ]);
  return c.json({}, 202);
}

async function allDynos(c: Context<ApiContext>, app: App): Promise<Dyno[]> {
  const [formation, oneOffs] = await Promise.all([formationDynos(c.env, app), oneOffDynos(c.env, app.id)]);
  return [...formation.map((dyno) => ({ ...dyno, oneOff: false })), ...oneOffs.map(fromOneOff)];
}

const fromOneOff = ({ createdAt, since, ...dyno }: OneOffDyno): Dyno => ({
  ...dyno,
  createdAt: new Date(createdAt).toISOString(),
  updatedAt: new Date(since).toISOString(),
  oneOff: true,
});

/** The dyno that the path means, by its name or id. */
async function find(c: Context<ApiContext>, app: App): Promise<Dyno> {
  const asked = c.req.param('dyno');
  const dyno = (await allDynos(c, app)).find(({ id, name }) => id === asked || name === asked);
  if (!dyno) throw notFound('dyno');
  return dyno;
}

async function ofType(c: Context<ApiContext>, app: App): Promise<Dyno[]> {
  const asked = c.req.param('type');
  const some = (await allDynos(c, app)).filter(({ type }) => type === asked);
  if (some.length === 0) throw notFound('process type');
  return some;
}

function dynoResource(app: App, dyno: FormationDyno) {
  return {
    id: dyno.id,
    app: { id: app.id, name: app.name },
    attach_url: null,
    command: dyno.command,
    created_at: dyno.createdAt,
    name: dyno.name,
    release: dyno.release,
    size: dyno.size,
    state: dyno.state,
    type: dyno.type,
    updated_at: dyno.updatedAt,
  } satisfies Resource<Heroku.Dyno>;
}
