/**
 * What Heroku has and Islet has not: lists of it are empty, and whoever asks for one learns why, and what to do instead.
 * Heroku's own command then says so, where it would fail over a path that is unknown.
 */
import { Hono } from 'hono';
import { ApiError } from '../platform/errors.ts';
import { appOf } from './apps.ts';
import type { ApiContext } from './auth.ts';

export const absent = new Hono<ApiContext>();

const ADDONS = 'Islet has no add-ons. Run the service elsewhere and set its URL as a config var.';
const CERTIFICATES = 'Islet has no certificates: a proxy in front of it speaks TLS.';
const CLIENTS = 'Islet has no OAuth clients. Make a token with `heroku authorizations:create`.';
const KEYS = 'Islet takes no SSH keys: git pushes over HTTP, with a token as the password.';
const SPACES = 'Islet has no private spaces: every app of a platform is in one place.';
const TEAMS = 'Islet has no teams. Let others into an app with `heroku access:add`.';
const TELEMETRY = 'Islet has no telemetry drains. Send logs elsewhere with `heroku drains:add`.';
const INSIDE =
  'Nothing can be run inside of a dyno, which is an isolate. `heroku run` has one with the same slug and config.';

const emptyLists = [
  '/account/keys',
  '/addon-attachments',
  '/addon-services',
  '/addons',
  '/oauth/clients',
  '/oauth/sessions',
  '/spaces',
  '/teams',
];
for (const path of emptyLists) absent.get(path, (c) => c.json([]));

const emptyListsOfApps = [
  '/apps/:app/addon-attachments',
  '/apps/:app/addons',
  '/apps/:app/sni-endpoints',
  '/apps/:app/telemetry-drains',
];
for (const path of emptyListsOfApps) {
  absent.get(path, async (c) => {
    await appOf(c);
    return c.json([]);
  });
}

/** What add-ons have cost. */
absent.get('/apps/:app/usage', async (c) => {
  await appOf(c);
  return c.json({ addons: [] });
});

/** What there is none of, which makes every one that is named unknown. */
const unknown: [path: string, message: string][] = [
  ['/account/keys/:key', KEYS],
  ['/addon-services/:service', ADDONS],
  ['/addon-services/:service/plans', ADDONS],
  ['/addons/:addon', ADDONS],
  ['/oauth/clients/:client', CLIENTS],
  ['/spaces/:space', SPACES],
  ['/teams/:team', TEAMS],
  ['/teams/:team/apps', TEAMS],
  ['/teams/:team/members', TEAMS],
  ['/teams/apps/:app', TEAMS],
];
for (const [path, message] of unknown) {
  absent.get(path, () => {
    throw new ApiError(404, 'not_found', message);
  });
}

const refused: [path: string, message: string][] = [
  ['/account/keys', KEYS],
  ['/actions/addon-attachments/resolve', ADDONS],
  ['/actions/addons/resolve', ADDONS],
  ['/addon-attachments', ADDONS],
  ['/oauth/clients', CLIENTS],
  ['/spaces', SPACES],
  ['/teams', TEAMS],
  ['/teams/apps', TEAMS],
  ['/telemetry-drains', TELEMETRY],
];
for (const [path, message] of refused) absent.post(path, () => refuse(message));

const refusedForApps: [path: string, message: string][] = [
  ['/apps/:app/acm', CERTIFICATES],
  ['/apps/:app/addons', ADDONS],
  ['/apps/:app/dynos/:dyno', INSIDE],
  ['/apps/:app/sni-endpoints', CERTIFICATES],
];
for (const [path, message] of refusedForApps) {
  absent.post(path, async (c) => {
    await appOf(c);
    return refuse(message);
  });
}

/** What `heroku ps:exec`, `ps:copy`, `ps:forward` and `ps:socks` look for. */
absent.get('/apps/:app/features/runtime-heroku-exec', async (c) => {
  await appOf(c);
  throw new ApiError(404, 'not_found', INSIDE);
});

/** A domain's certificate is all that could change of it. */
absent.patch('/apps/:app/domains/:domain', async (c) => {
  await appOf(c);
  return refuse(CERTIFICATES);
});

absent.post('/teams/apps/:app/collaborators', () => refuse(TEAMS));

function refuse(message: string): never {
  throw new ApiError(422, 'invalid_params', message);
}
