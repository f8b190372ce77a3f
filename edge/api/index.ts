/** The Platform API, v3, as Heroku documents it, and git: all that the control host answers. */
import { Hono } from 'hono';
import { ApiError } from '../platform/errors.ts';
import { absent } from './absent.ts';
import { account } from './account.ts';
import { appSetups } from './app-setups.ts';
import { appTransfers } from './app-transfers.ts';
import { apps } from './apps.ts';
import { audit, recordChanges } from './audit.ts';
import { type ApiContext, authenticate } from './auth.ts';
import { authorizations } from './authorizations.ts';
import { buildpackInstallations } from './buildpack-installations.ts';
import { buildpackRegistry } from './buildpack-registry.ts';
import { buildOutput, builds } from './builds.ts';
import { collaborators } from './collaborators.ts';
import { configVars } from './config-vars.ts';
import { domains } from './domains.ts';
import { dynoSizes } from './dyno-sizes.ts';
import { dynos } from './dynos.ts';
import { etag } from './etag.ts';
import { features } from './features.ts';
import { filters } from './filters.ts';
import { formation } from './formation.ts';
import { git } from './git.ts';
import { idempotency } from './idempotency.ts';
import { logDrains } from './log-drains.ts';
import { logSessions, logStream } from './log-sessions.ts';
import { pipelineCouplings } from './pipeline-couplings.ts';
import { pipelinePromotions } from './pipeline-promotions.ts';
import { pipelines } from './pipelines.ts';
import { rateLimit } from './rate-limit.ts';
import { releaseOutput, releases } from './releases.ts';
import { requestId } from './request-id.ts';
import { reviewApps } from './review-apps.ts';
import { schemaOf } from './schema.ts';
import { slugBlobs, slugs } from './slugs.ts';
import { sourceBlobs, sources } from './sources.ts';
import { stacksAndRegions } from './stacks-and-regions.ts';
import { users } from './users.ts';
import { limitBody } from './validate.ts';
import { publishChanges, webhooks } from './webhooks.ts';

export const api = new Hono<ApiContext>();

api.use(requestId);

api.get('/health', (c) => c.json({ status: 'ok' }));
api.get('/schema', (c) => c.json(schemaOf(api)));
for (const open of [buildOutput, buildpackRegistry, logStream, releaseOutput, slugBlobs, sourceBlobs])
  api.route('/', open);

api.use(authenticate, rateLimit(), limitBody, recordChanges, idempotency, publishChanges, etag);
for (const resource of [
  absent,
  account,
  appSetups,
  appTransfers,
  apps,
  audit,
  authorizations,
  buildpackInstallations,
  builds,
  collaborators,
  configVars,
  domains,
  dynoSizes,
  dynos,
  features,
  filters,
  formation,
  git,
  logDrains,
  logSessions,
  pipelineCouplings,
  pipelinePromotions,
  pipelines,
  releases,
  reviewApps,
  slugs,
  sources,
  stacksAndRegions,
  users,
  webhooks,
]) {
  api.route('/', resource);
}

// What is routed below another app loses its notFound.
api.all('*', (c) => {
  throw new ApiError(404, 'not_found', `The requested API endpoint was not found: ${c.req.method} ${c.req.path}.`);
});

api.onError((error, c) => {
  if (error instanceof ApiError) {
    // Without a challenge, git never asks its credential helpers.
    if (error.status === 401) c.header('WWW-Authenticate', 'Basic realm="Islet"');
    // git shows people what is plain text.
    if (/^\/[^/]+\.git\//.test(c.req.path)) return c.text(`${error.message}\n`, error.status);
    return c.json({ id: error.id, message: error.message }, error.status);
  }
  console.error(`${c.req.method} ${c.req.path} failed:`, error);
  return c.json({ id: 'internal_server_error', message: 'The platform failed to do this. Its log says more.' }, 500);
});
