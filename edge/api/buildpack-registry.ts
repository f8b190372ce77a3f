/**
 * The registry of buildpacks, where `heroku buildpacks:set heroku/nodejs` looks up a name when
 * HEROKU_BUILDPACK_REGISTRY_URL names the control host. It has the buildpacks that Islet brings, and is open to all, as
 * Heroku's is.
 */
import { type Context, Hono } from 'hono';
import { isOfficial, type OfficialBuildpack, officialBuildpacks } from '../../schema/buildpacks.ts';
import { buildpackResource } from '../platform/buildpacks.ts';
import { notFound } from '../platform/errors.ts';
import type { ApiContext } from './auth.ts';

export const buildpackRegistry = new Hono<ApiContext>();

/** A list, narrowed down by `in[namespace][]`, `in[name][]` and `like[description]`. */
buildpackRegistry.get('/buildpacks', (c) => {
  const names = c.req.queries('in[name][]');
  const namespaces = c.req.queries('in[namespace][]');
  const like = c.req.query('like[description]')?.toLowerCase();
  const found = officialBuildpacks
    .map(entry)
    .filter(({ name }) => !names || names.includes(name))
    .filter(({ namespace }) => !namespaces || namespaces.includes(namespace))
    .filter(({ description }) => !like || description.toLowerCase().includes(like));
  return c.json(found);
});

buildpackRegistry.get('/buildpacks/:buildpack', (c) => c.json(entry(named(c))));

/** There is one of each: the one that this release of Islet has. */
buildpackRegistry.get('/buildpacks/:buildpack/revisions', (c) => {
  named(c);
  return c.json([{ release: 1, status: 'published', license: 'Apache-2.0', created_at: null }]);
});

buildpackRegistry.get('/buildpacks/:buildpack/readme', (c) => {
  named(c);
  return c.json({ content: null, encoding: null });
});

function named(c: Context<ApiContext>): OfficialBuildpack {
  const name = c.req.param('buildpack') ?? '';
  if (!isOfficial(name)) throw notFound('buildpack');
  return name;
}

function entry(full: OfficialBuildpack) {
  const [namespace = '', name = ''] = full.split('/');
  return {
    namespace,
    name,
    description: descriptions[full],
    category: 'languages',
    blob_url: buildpackResource(full).url,
    source: { type: 'islet' },
    support: { method: 'website', address: 'docs/buildpacks.md' },
    two_factor_authentication: false,
  };
}

const descriptions: Record<OfficialBuildpack, string> = {
  'heroku/go': 'Go apps, from a go.mod',
  'heroku/nodejs': 'Node.js apps, from a package.json',
  'heroku/php': 'PHP apps, from a composer.json or an index.php',
  'heroku/python': 'Python apps, from a requirements.txt, pyproject.toml or uv.lock',
  'heroku/ruby': 'Ruby apps, from a Gemfile',
  'heroku-community/static': 'Static sites, from a static.json or index.html',
  'islet/deno': 'Deno apps, from a deno.json',
  'islet/worker': 'Workers, from a configuration of wrangler',
};
