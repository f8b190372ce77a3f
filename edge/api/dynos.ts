/** Dynos: what runs of an app now (Platform API Reference, "Dyno"). */
import { type Context, Hono } from 'hono';
import type { App } from '../platform/apps.ts';
import { type FormationDyno, formationDynos, restartDynos } from '../platform/dynos.ts';
import { notFound } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';

export const dynos = new Hono<ApiContext>();

dynos.get('/apps/:app/dynos', async (c) => {
  const app = await appOf(c);
  return c.json((await formationDynos(c.env, app)).map((dyno) => dynoResource(app, dyno)));
});

dynos.get('/apps/:app/dynos/:dyno', async (c) => {
  const app = await appOf(c);
  return c.json(dynoResource(app, await find(c, app)));
});

/** Restarts all dynos of the app. */
dynos.delete('/apps/:app/dynos', async (c) => {
  const app = await appOf(c);
  return restart(c, app, await formationDynos(c.env, app));
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

async function restart(c: Context<ApiContext>, app: App, which: FormationDyno[]): Promise<Response> {
  await restartDynos(
    c.env,
    app,
    which.map(({ name }) => name),
  );
  return c.json({}, 202);
}

/** The dyno that the path means, by its name or id. */
async function find(c: Context<ApiContext>, app: App): Promise<FormationDyno> {
  const asked = c.req.param('dyno');
  const dyno = (await formationDynos(c.env, app)).find(({ id, name }) => id === asked || name === asked);
  if (!dyno) throw notFound('dyno');
  return dyno;
}

async function ofType(c: Context<ApiContext>, app: App): Promise<FormationDyno[]> {
  const asked = c.req.param('type');
  const some = (await formationDynos(c.env, app)).filter(({ type }) => type === asked);
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
  };
}
