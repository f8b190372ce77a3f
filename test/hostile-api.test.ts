/** The API against those who mean it ill: every call that GET /schema lists. FUZZ_RUNS makes the last test longer. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Platform } from './support/platform.ts';
import { type Answer, request } from './support/request.ts';

interface Link {
  href: string;
  method: string;
}

/** In the config of the app that is another's. */
const SECRET = 'ada-keeps-this-to-herself';

const RUNS = Number(process.env.FUZZ_RUNS ?? 400);

let platform: Platform;
let links: Link[];
let ada: string;
let eve: string;
/** Ids and names of what is Ada's. */
let hers: string[];

beforeAll(async () => {
  platform = await Platform.start();
  const schema = await call(undefined, 'GET', '/schema');
  const { definitions } = JSON.parse(schema.text) as { definitions: Record<string, { links: Link[] }> };
  links = Object.values(definitions).flatMap((definition) => definition.links);
  ada = await newUser('ada@example.com');
  eve = await newUser('eve@example.com');
  hers = await furnish(ada);
});
afterAll(() => platform?.destroy());

const call = (key: string | undefined, method: string, path: string, body?: string): Promise<Answer> =>
  request(platform.port, 'localhost', path, {
    method,
    headers: {
      accept: 'application/vnd.heroku+json; version=3',
      'content-type': 'application/json',
      ...(key && { authorization: `Bearer ${key}` }),
    },
    body,
  });

async function newUser(email: string): Promise<string> {
  return (await platform.api<{ api_key: string }>('POST', '/users', { email })).body.api_key;
}

/** An app with one of everything in it. */
async function furnish(key: string): Promise<string[]> {
  const made = async (method: string, path: string, body: object): Promise<string> => {
    const answer = await platform.apiAs<{ id: string }>(key, method, path, body);
    expect({ path, ok: answer.status < 300 }).toEqual({ path, ok: true });
    return answer.body.id;
  };
  const app = await made('POST', '/apps', { name: 'treasure' });
  await made('PATCH', '/apps/treasure/config-vars', { TOKEN: SECRET });
  const pipeline = await made('POST', '/pipelines', { name: 'treasury' });
  const release = (await platform.apiAs(key, 'GET', '/apps/treasure/releases/current')).body.id;
  return [
    'treasure',
    app,
    'treasury',
    pipeline,
    String(release),
    await made('POST', '/pipeline-couplings', { app, pipeline, stage: 'staging' }),
    await made('POST', '/apps/treasure/domains', { hostname: 'treasure.example.com' }),
    await made('POST', '/apps/treasure/webhooks', {
      url: 'https://receiver.invalid/',
      include: ['api:app'],
      level: 'notify',
    }),
    await made('POST', '/apps/treasure/log-drains', { url: 'https://receiver.invalid/' }),
    await made('POST', '/account/app-transfers', { app, recipient: 'admin@islet.local' }),
    await made('POST', '/oauth/authorizations', { description: 'hers' }),
  ];
}

const fill = (href: string, value: (name: string) => string): string =>
  href.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(value(name)));

const errorIn = (text: string): unknown => JSON.parse(text);
const anError = { id: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/\S/) };

it('lists more than a hundred calls', () => {
  expect(links.length).toBeGreaterThan(100);
  expect(links).toContainEqual(expect.objectContaining({ href: '/apps/{app}', method: 'PATCH' }));
});

/** What the calls that need no key are opened by instead: a signature in the URL, or nothing as they tell no secret. */
const OPEN =
  /^\/(build-output|release-output|logs|log-streams|slug-blobs|source-blobs|sources?|uploads?|buildpacks?)\b/;

it('answers 401 to who shows no key, or one that was revoked', async () => {
  const { body } = await platform.apiAs<{ id: string; access_token: { token: string } }>(
    ...([eve, 'POST', '/oauth/authorizations', {}] as const),
  );
  const { token } = body.access_token;
  await platform.apiAs(eve, 'DELETE', `/oauth/authorizations/${body.id}`);
  for (const { href, method } of links) {
    const path = fill(href, () => 'treasure');
    const answer = await call(undefined, method, path, method === 'GET' ? undefined : '{}');
    if (answer.status !== 401) expect(path).toMatch(OPEN);
    expect({ path, sound: answer.status < 500 }).toEqual({ path, sound: true });
    expect(answer.text).not.toContain(SECRET);
  }
  // Of the calls, some: who tries more than thirty wrong keys has to wait.
  const some = links
    .filter(({ href }) => !OPEN.test(href))
    .filter((_, at, all) => at % Math.ceil(all.length / 20) === 0);
  expect(some.length).toBeGreaterThan(10);
  for (const { href, method } of some) {
    const path = fill(href, () => 'treasure');
    const { status } = await call(token, method, path, method === 'GET' ? undefined : '{}');
    expect({ method, path, status }).toEqual({ method, path, status: 401 });
  }
});

it("takes nothing of another's that a body names", async () => {
  await platform.apiAs(eve, 'POST', '/apps', { name: 'of-eve' });
  const { body: pipeline } = await platform.apiAs<{ id: string }>(eve, 'POST', '/pipelines', { name: 'of-eve' });
  const { body: release } = await platform.apiAs<{ id: string }>(ada, 'GET', '/apps/treasure/releases/current');
  for (const [path, body] of [
    ['/pipeline-couplings', { app: 'treasure', pipeline: pipeline.id, stage: 'staging' }],
    ['/pipeline-couplings', { app: 'of-eve', pipeline: hers[3], stage: 'staging' }],
    [
      '/pipeline-promotions',
      { pipeline: { id: pipeline.id }, source: { app: { id: hers[1] } }, targets: [{ app: { id: 'of-eve' } }] },
    ],
    ['/account/app-transfers', { app: 'treasure', recipient: 'eve@example.com' }],
    ['/apps/of-eve/releases', { release: release.id }],
    ['/apps/of-eve/releases', { slug: release.id }],
    ['/review-apps', { branch: 'x', pipeline: hers[3], source_blob: { url: 'https://receiver.invalid/' } }],
  ] as const) {
    const { status } = await platform.apiAs(eve, 'POST', path, body);
    expect({ path, body, refused: status === 404 || status === 422 }).toEqual({ path, body, refused: true });
  }
  expect((await platform.apiAs(eve, 'GET', '/apps')).body).toMatchObject([{ name: 'of-eve' }]);
});

it("answers 404 to whoever asks for another's app, with any method", async () => {
  for (const { href, method } of links.filter((link) => link.href.startsWith('/apps/{app}'))) {
    for (const name of hers.slice(0, 2)) {
      const path = fill(href, (param) => (param === 'app' ? name : String(hers[4])));
      const answer = await call(eve, method, path, method === 'GET' ? undefined : '{}');
      expect({ method, path, status: answer.status }).toEqual({ method, path, status: 404 });
      expect(errorIn(answer.text)).toEqual(anError);
    }
  }
});

it('lets a token that only reads change nothing', async () => {
  const { body } = await platform.apiAs<{ access_token: { token: string } }>(
    ...([ada, 'POST', '/oauth/authorizations', { scope: ['read'] }] as const),
  );
  const reader = body.access_token.token;
  for (const { href, method } of links) {
    if (method === 'GET' || OPEN.test(href) || href.endsWith('/log-sessions')) continue;
    const path = fill(href, () => 'treasure');
    const { status } = await call(reader, method, path, '{}');
    expect({ method, path, status }).toEqual({ method, path, status: 403 });
  }
  expect((await call(reader, 'GET', '/apps/treasure/config-vars')).status).toBe(403);
});

it('refuses bodies that are no JSON, too large, or nested beyond reason', async () => {
  const post = (body: string) => call(eve, 'POST', '/apps', body);
  for (const [body, status] of [
    ['{"name":', 400],
    ['\u0000', 400],
    ['"text"', 422],
    ['null', 422],
    ['['.repeat(100_000) + ']'.repeat(100_000), 422],
    [`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 201],
    [JSON.stringify({ name: 'x'.repeat(1_100_000) }), 413],
    ['{"name":{"name":"deep"}}', 422],
    ['{"__proto__":{"name":"polluted"},"name":7}', 422],
  ] as const) {
    const answer = await post(body);
    expect({ body: body.slice(0, 40), status: answer.status }).toEqual({ body: body.slice(0, 40), status });
    if (status >= 400) expect(errorIn(answer.text)).toEqual(anError);
  }
});

it('keeps control characters out of headers, hosts and logs', async () => {
  await platform.apiAs(eve, 'POST', '/apps', { name: 'inject' });
  const forged = 'a\r\nX-Forged: 1\r\n\r\n2026-01-01 heroku[router]: forged';
  for (const [method, path, body] of [
    ['POST', '/apps', { name: forged }],
    ['PATCH', '/apps/inject', { name: forged }],
    ['POST', '/apps/inject/domains', { hostname: forged }],
    ['PATCH', '/apps/inject/config-vars', { [forged]: '1' }],
    ['POST', '/apps/inject/webhooks', { url: `https://${forged}`, include: ['api:app'], level: 'sync' }],
    ['POST', '/apps/inject/log-drains', { url: `https://${forged}` }],
    ['POST', '/pipelines', { name: forged }],
    ['GET', `/apps/${encodeURIComponent(forged)}`, undefined],
  ] as const) {
    const answer = await call(eve, method, path, body && JSON.stringify(body));
    expect({ path, refused: [404, 422].includes(answer.status) }).toEqual({ path, refused: true });
    expect(answer.headers).not.toHaveProperty('x-forged');
  }
  await platform.apiAs(eve, 'PATCH', '/apps/inject/config-vars', { A: forged });
  const { body } = await platform.apiAs<{ logplex_url: string }>(
    ...([eve, 'POST', '/apps/inject/log-sessions', { lines: 100 }] as const),
  );
  const { pathname, search } = new URL(body.logplex_url);
  const log = await request(platform.port, 'localhost', pathname + search);
  expect(log.text).toContain('Set A config vars');
  expect(log.text).not.toContain('forged');
});

it('stays sound under calls that nobody thought of', async () => {
  const before = await treasureState();
  const value = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(...hers, 'loot', 'eve@example.com', 'ada@example.com', 'admin@islet.local'),
    },
    fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed()),
    fc.constantFrom('../treasure', '%2e%2e', "' OR 1=1 --", 'a\r\nX-Forged: 1', '__proto__', '~', 'current', '*', '-1'),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.constantFrom(...hers), { maxLength: 3 }),
    fc.record({ id: fc.constantFrom(...hers), url: fc.webUrl(), type: fc.constantFrom('user', 'web') }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const field = fc.constantFrom(
    ...[
      'name',
      'app',
      'pipeline',
      'stage',
      'slug',
      'release',
      'user',
      'owner',
      'recipient',
      'hostname',
      'url',
      'include',
    ],
    ...['level', 'quantity', 'size', 'type', 'updates', 'buildpack', 'source_blob', 'description', 'scope', 'state'],
    ...['enabled', 'maintenance', 'lines', 'tail', 'source', 'targets', 'process_types', 'command', 'secret', 'in'],
  );
  const body = fc.oneof(fc.dictionary(field, value, { maxKeys: 5 }), fc.jsonValue({ maxDepth: 3 }));
  const param = fc.oneof(
    { weight: 2, arbitrary: fc.constant('loot') },
    fc.constantFrom(...hers, '../treasure', '%2e%2e', 'a\r\nX-Forged: 1', '__proto__', '~', 'current', '-1'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).map((text) => text.toWellFormed()),
  );
  const step = fc.tuple(fc.constantFrom(...links), fc.array(param, { maxLength: 3 }), body);
  let count = 0;
  await fc.assert(
    fc.asyncProperty(step, async ([{ href, method }, params, sent]) => {
      // Her own app, which she may have deleted.
      if (count++ % 25 === 0) await call(eve, 'POST', '/apps', '{"name":"loot"}');
      const given = [...params];
      const path = fill(href, () => given.shift() ?? 'loot');
      const answer = await call(eve, method, path, method === 'GET' ? undefined : JSON.stringify(sent));
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers).not.toHaveProperty('x-forged');
      for (const secret of [SECRET, ada, platform.apiKey]) expect(answer.text).not.toContain(secret);
      if (answer.status >= 400) expect(errorIn(answer.text)).toEqual(anError);
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: Math.max(120_000, RUNS * 500), markInterruptAsFailure: false },
  );
  expect(await treasureState()).toEqual(before);
});

/** All that a change of Ada's app would show in. */
async function treasureState(): Promise<unknown> {
  const state = async (path: string) => (await platform.apiAs<unknown>(ada, 'GET', path)).body;
  return Promise.all(
    ['', '/config-vars', '/releases', '/domains', '/collaborators', '/webhooks', '/features', '/pipeline-couplings']
      .map((path) => `/apps/treasure${path}`)
      .concat('/pipelines', '/account/app-transfers', '/account')
      .map(state),
  );
}
