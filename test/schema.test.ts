/** What the API answers, beside samples of Heroku's, which the types of `@heroku-cli/schema` check. */
import type * as Heroku from '@heroku-cli/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { Repository } from './support/repository.ts';

let platform: Platform;
let repository: Repository;

const uuid = '01234567-89ab-cdef-0123-456789abcdef';
const time = '2012-01-01T12:00:00Z';
const app = { id: uuid, name: 'example' };
const user = { id: uuid, email: 'username@example.com' };

/** As the Platform API Reference shows them, as far as Islet has what they are about. */
const samples = {
  account: {
    allow_tracking: true,
    beta: false,
    created_at: time,
    email: 'username@example.com',
    id: uuid,
    last_login: time,
    name: 'Tina Edmonds',
    sms_number: '+1 ***-***-1234',
    suspended_at: time,
    two_factor_authentication: false,
    updated_at: time,
    verified: false,
  } satisfies Heroku.Account,
  app: {
    acm: false,
    archived_at: time,
    buildpack_provided_description: 'Ruby/Rack',
    build_stack: { id: uuid, name: 'heroku-24' },
    created_at: time,
    git_url: 'https://git.heroku.com/example.git',
    id: uuid,
    maintenance: false,
    name: 'example',
    owner: user,
    region: { id: uuid, name: 'us' },
    released_at: time,
    repo_size: 0,
    slug_size: 0,
    stack: { id: uuid, name: 'heroku-24' },
    updated_at: time,
    web_url: 'https://example.herokuapp.com/',
  } satisfies Heroku.App,
  build: {
    app: { id: uuid },
    buildpacks: [{ url: 'https://github.com/heroku/heroku-buildpack-ruby', name: 'heroku/ruby' }],
    created_at: time,
    id: uuid,
    output_stream_url: 'https://build-output.heroku.com/streams/01234567',
    source_blob: { checksum: 'SHA256:e3b0', url: 'https://example.com/source.tgz', version: 'v1.3.0' },
    release: { id: uuid },
    slug: { id: uuid },
    stack: 'heroku-24',
    status: 'succeeded',
    updated_at: time,
    user,
  } satisfies Heroku.Build,
  collaborator: {
    app,
    created_at: time,
    id: uuid,
    permissions: [{ name: 'view', description: 'Can view the app.' }],
    role: 'admin',
    updated_at: time,
    user: { email: 'username@example.com', federated: false, id: uuid },
  } satisfies Heroku.Collaborator,
  domain: {
    acm_status: 'pending',
    acm_status_reason: 'Failing CAA validation',
    app,
    cname: 'example.herokudns.com',
    created_at: time,
    hostname: 'subdomain.example.com',
    id: uuid,
    kind: 'custom',
    status: 'pending',
    updated_at: time,
  } satisfies Heroku.Domain,
  dyno: {
    app,
    attach_url: 'rendezvous://rendezvous.runtime.heroku.com:5000/{rendezvous-id}',
    command: 'bash',
    created_at: time,
    id: uuid,
    name: 'run.1',
    release: { id: uuid, version: 11 },
    size: 'standard-1X',
    state: 'up',
    type: 'run',
    updated_at: time,
  } satisfies Heroku.Dyno,
  feature: {
    created_at: time,
    description: 'Causes app to example.',
    display_name: 'My Feature',
    doc_url: 'http://devcenter.heroku.com/articles/example',
    enabled: true,
    feedback_email: 'feedback@heroku.com',
    id: uuid,
    name: 'name',
    state: 'public',
    updated_at: time,
  } satisfies Heroku.AppFeature,
  formation: {
    app,
    command: 'bundle exec rails server -p $PORT',
    created_at: time,
    id: uuid,
    quantity: 1,
    size: 'standard-1X',
    type: 'web',
    updated_at: time,
  } satisfies Heroku.Formation,
  authorization: {
    access_token: { expires_in: 2592000, id: uuid },
    created_at: time,
    id: uuid,
    scope: ['global'],
    updated_at: time,
    user: { id: uuid, email: 'username@example.com', full_name: 'Tina Edmonds' },
  } satisfies Heroku.OAuthAuthorization,
  pipeline: {
    created_at: time,
    id: uuid,
    name: 'example',
    owner: { id: uuid, type: 'team' },
    updated_at: time,
  } satisfies Heroku.Pipeline,
  coupling: {
    app: { id: uuid },
    created_at: time,
    id: uuid,
    pipeline: { id: uuid },
    stage: 'production',
    updated_at: time,
  } satisfies Heroku.PipelineCoupling,
  release: {
    addon_plan_names: ['heroku-postgresql:dev'],
    app,
    created_at: time,
    description: 'Added new feature',
    id: uuid,
    updated_at: time,
    slug: { id: uuid },
    status: 'succeeded',
    user,
    version: 11,
    current: true,
    output_stream_url: 'https://release-output.heroku.com/streams/01234567',
  } satisfies Heroku.Release,
  slug: {
    blob: { method: 'GET', url: 'https://api.heroku.com/slugs/1234.tgz' },
    buildpack_provided_description: 'Ruby/Rack',
    checksum: 'SHA256:e3b0',
    commit: '60883d9e8947a57e04dc9124f25df004866a2051',
    commit_description: 'fixed a bug with API documentation',
    created_at: time,
    id: uuid,
    process_types: { web: './bin/web -p $PORT' },
    size: 2048,
    stack: { id: uuid, name: 'heroku-24' },
    updated_at: time,
  } satisfies Heroku.Slug,
  drain: {
    created_at: time,
    id: uuid,
    token: 'd.01234567-89ab-cdef-0123-456789abcdef',
    updated_at: time,
    url: 'https://example.com/drain',
  } satisfies Heroku.LogDrain,
  transfer: {
    app,
    created_at: time,
    id: uuid,
    owner: user,
    recipient: user,
    state: 'pending',
    updated_at: time,
  } satisfies Heroku.AppTransfer,
  size: {
    compute: 1,
    cost: null,
    dedicated: false,
    dyno_units: 1,
    id: uuid,
    memory: 0.5,
    name: 'eco',
    private_space_only: false,
  } satisfies Heroku.DynoSize,
  stack: {
    created_at: time,
    default: true,
    id: uuid,
    name: 'heroku-24',
    state: 'public',
    updated_at: time,
  } satisfies Heroku.Stack,
  region: {
    country: 'United States',
    created_at: time,
    description: 'United States',
    id: uuid,
    locale: 'Virginia',
    name: 'us',
    private_capable: false,
    provider: { name: 'amazon-web-services', region: 'us-east-1' },
    updated_at: time,
  } satisfies Heroku.Region,
  webhook: {
    app,
    created_at: time,
    id: uuid,
    include: ['api:release'],
    level: 'notify',
    updated_at: time,
    url: 'https://example.com/hooks',
  } satisfies Heroku.AppWebhook,
};

beforeAll(async () => {
  platform = await Platform.start({ RUNNERS: '1' });
  repository = await Repository.create({
    'package.json': '{"name":"sample","version":"1.0.0"}',
    'server.js': "require('node:http').createServer((_, res) => res.end()).listen(process.env.PORT);\n",
  });
  await platform.api('POST', '/apps', { name: 'sample' });
  await repository.git('push', platform.remote('sample'), 'main');
  const posted: [string, object][] = [
    ['/apps/sample/domains', { hostname: 'www.example.com' }],
    ['/apps/sample/webhooks', { url: 'https://example.com/', include: ['api:release'], level: 'notify' }],
    ['/apps/sample/log-drains', { url: 'https://example.com/drain' }],
    ['/users', { email: 'ada@example.com' }],
    ['/account/app-transfers', { app: 'sample', recipient: 'ada@example.com' }],
    ['/oauth/authorizations', { description: 'sample' }],
    ['/pipelines', { name: 'sampled' }],
  ];
  for (const [path, body] of posted) expect((await platform.api('POST', path, body)).status).toBe(201);
  const { body: pipeline } = await platform.api('GET', '/pipelines/sampled');
  await platform.api('POST', '/pipeline-couplings', { app: 'sample', pipeline: pipeline.id, stage: 'production' });
  await platform.app('sample');
});
afterAll(async () => {
  await repository?.destroy();
  await platform?.destroy();
});

/** What of a sample an answer has not, or has of another kind, by its path. */
function missing(sample: unknown, answer: unknown, path: string): string[] {
  if (answer === null) return [];
  if (Array.isArray(sample)) {
    if (!Array.isArray(answer)) return [path];
    return answer.length === 0 || sample.length === 0 ? [] : missing(sample[0], answer[0], `${path}[0]`);
  }
  if (typeof sample !== 'object' || sample === null) return typeof sample === typeof answer ? [] : [path];
  if (typeof answer !== 'object') return [path];
  // What is in it depends on the app.
  if (path.endsWith('.process_types')) return [];
  return Object.entries(sample).flatMap(([name, inner]) =>
    name in answer ? missing(inner, Reflect.get(answer, name), `${path}.${name}`) : [`${path}.${name}`],
  );
}

it.each<[keyof typeof samples, string]>([
  ['account', '/account'],
  ['app', '/apps/sample'],
  ['build', '/apps/sample/builds'],
  ['collaborator', '/apps/sample/collaborators'],
  ['domain', '/apps/sample/domains'],
  ['dyno', '/apps/sample/dynos'],
  ['feature', '/apps/sample/features'],
  ['formation', '/apps/sample/formation'],
  ['authorization', '/oauth/authorizations'],
  ['pipeline', '/pipelines'],
  ['coupling', '/pipeline-couplings'],
  ['release', '/apps/sample/releases'],
  ['drain', '/apps/sample/log-drains'],
  ['transfer', '/account/app-transfers'],
  ['size', '/dyno-sizes'],
  ['stack', '/stacks'],
  ['region', '/regions'],
  ['webhook', '/apps/sample/webhooks'],
])('answers an %s as Heroku does at %s', async (name, path) => {
  const { status, body } = await platform.api<unknown>('GET', path);
  expect(status).toBeLessThan(300);
  const one = Array.isArray(body) ? body[0] : body;
  expect(one).toMatchObject({});
  expect(missing(samples[name], one, name)).toEqual([]);
});

it('answers a slug as Heroku does', async () => {
  const { body: release } = await platform.api<{ slug: { id: string } }>('GET', '/apps/sample/releases/current');
  const { body } = await platform.api<unknown>('GET', `/apps/sample/slugs/${release.slug.id}`);
  expect(missing(samples.slug, body, 'slug')).toEqual([]);
});
