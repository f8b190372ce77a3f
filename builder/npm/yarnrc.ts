/** An app's `.yarnrc.yml` ("Configuration options", Yarn documentation), as far as it says where packages come from. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BuildFailure } from '../failure.ts';

const registry = z.object({
  npmRegistryServer: z.string().optional(),
  npmAuthToken: z.string().optional(),
  npmAuthIdent: z.string().optional(),
});

const yarnrc = registry.extend({
  enableScripts: z.boolean().optional(),
  npmScopes: z.record(z.string(), registry).default({}),
  /** By address, with or without its protocol. */
  npmRegistries: z.record(z.string(), registry).default({}),
});

/**
 * Reads it as the `.npmrc` that says the same: `{ '@acme:registry': …, '//host/:_authToken': … }`, with `${NAME}` as it
 * stands there.
 *
 * @throws BuildFailure when it is damaged
 */
export async function readYarnrc(tree: string): Promise<Record<string, string>> {
  const text = await readFile(join(tree, '.yarnrc.yml'), 'utf8').catch(() => '');
  const { enableScripts, npmScopes, npmRegistries, ...root } = parsed(text);
  const settings: Record<string, string> = { ...entries('registry', root) };
  for (const [scope, named] of Object.entries(npmScopes)) Object.assign(settings, entries(`@${scope}:registry`, named));
  for (const [address, { npmAuthToken, npmAuthIdent }] of Object.entries(npmRegistries)) {
    Object.assign(settings, credentials(address, { npmAuthToken, npmAuthIdent }));
  }
  if (enableScripts !== undefined) settings['ignore-scripts'] = String(!enableScripts);
  return settings;
}

function parsed(text: string): z.infer<typeof yarnrc> {
  try {
    return yarnrc.parse(parse(text) ?? {});
  } catch (error) {
    throw new BuildFailure('.yarnrc.yml cannot be read.', {
      details: (error instanceof Error ? error.message : String(error)).split('\n'),
    });
  }
}

function entries(key: string, named: z.infer<typeof registry>): Record<string, string> {
  const { npmRegistryServer } = named;
  if (npmRegistryServer === undefined) return {};
  return { [key]: npmRegistryServer, ...credentials(npmRegistryServer, named) };
}

/** Yarn's ident is a name and a password with a colon, or the base64 of that; npm's `_auth` is the latter. */
function credentials(
  address: string,
  { npmAuthToken, npmAuthIdent }: z.infer<typeof registry>,
): Record<string, string> {
  const place = `${address.replace(/^(https?:)?/, '').replace(/\/$/, '')}/`;
  return {
    ...(npmAuthToken !== undefined && { [`${place}:_authToken`]: npmAuthToken }),
    ...(npmAuthIdent !== undefined && {
      [`${place}:_auth`]: npmAuthIdent.includes(':') ? Buffer.from(npmAuthIdent).toString('base64') : npmAuthIdent,
    }),
  };
}
