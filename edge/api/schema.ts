import type { Hono } from 'hono';
import type { ApiContext } from './auth.ts';

/** One call, as JSON Hyper-Schema (draft 4) has it: `{ href: '/apps/{app}', method: 'GET', rel: 'self', … }`. */
interface Link {
  href: string;
  method: string;
  rel: string;
  title: string;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * What the API answers to, as JSON Hyper-Schema, made of the routes themselves ("Platform API Reference", "Schema"): a
 * definition for each kind of resource, with the links that concern it. What a template names is an id or a name.
 */
export function schemaOf(api: Hono<ApiContext>) {
  const definitions: Record<string, { title: string; type: string[]; links: Link[] }> = {};
  const seen = new Set<string>();
  for (const { method, path } of api.routes) {
    const key = `${method} ${path}`;
    if (!METHODS.includes(method) || !isResource(path) || seen.has(key)) continue;
    seen.add(key);
    const name = nameOf(path);
    definitions[name] ??= { title: name, type: ['object'], links: [] };
    definitions[name].links.push(linkOf(method, path));
  }
  return {
    $schema: 'http://json-schema.org/draft-04/hyper-schema',
    title: 'Platform API',
    description: 'The parts of the Heroku Platform API that Islet answers to.',
    type: ['object'],
    definitions,
    properties: Object.fromEntries(
      Object.keys(definitions).map((name) => [name, { $ref: `#/definitions/${encodeURIComponent(name)}` }]),
    ),
  };
}

/** Git, and what is opened by a signed URL alone, are no resources. */
const isResource = (path: string): boolean => !/[*{]|\.git/.test(path) && !/^\/(health|schema)$/.test(path);

/** The last collection in a path, in the singular: `/apps/:app/domains/:domain` is about a domain. */
function nameOf(path: string): string {
  const collection = path.split('/').findLast((part) => part !== '' && !part.startsWith(':')) ?? 'root';
  return collection.replace(/s$/, '');
}

function linkOf(method: string, path: string): Link {
  const one = /:\w+$/.test(path);
  const rel = { GET: one ? 'self' : 'instances', POST: 'create', DELETE: 'destroy' }[method] ?? 'update';
  return { href: path.replace(/:(\w+)/g, '{$1}'), method, rel, title: `${rel} ${nameOf(path)}` };
}
