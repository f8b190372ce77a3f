/** app.json, which says how an app is set up ("app.json Schema", Heroku Dev Center). */
import * as z from 'zod';
import { invalid } from './errors.ts';

const variable = z.union([
  z.string().transform((value) => ({ value, required: true, generator: undefined })),
  z.object({
    value: z.union([z.string(), z.number(), z.boolean()]).transform(String).optional(),
    required: z.boolean().default(true),
    generator: z.literal('secret').optional(),
  }),
]);

const buildpack = z.object({ url: z.string() });
const dynos = z.object({ quantity: z.int().min(0).optional(), size: z.string().optional() });

const base = z.object({
  name: z.string().optional(),
  env: z.record(z.string(), variable).default({}),
  buildpacks: z.array(buildpack).optional(),
  formation: z.record(z.string(), dynos).default({}),
  addons: z.array(z.unknown()).default([]),
  scripts: z.object({ postdeploy: z.string().optional() }).default({}),
  success_url: z.string().optional(),
});

const manifest = base.extend({
  /** Of review apps and the like: what of the rest is otherwise there. */
  environments: z.record(z.string(), z.unknown()).default({}),
});

export type AppManifest = z.infer<typeof base>;

/**
 * @param environment `review`: the part of app.json that comes before the rest
 * @throws ApiError 422 naming what is wrong, and where
 */
export function readAppManifest(text: string, environment?: string): AppManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('app.json: it is not valid JSON.');
  }
  const whole = checked(manifest, value);
  const part = environment === undefined ? undefined : whole.environments[environment];
  if (part === undefined) return whole;
  const own = checked(base.partial(), part);
  return { ...whole, ...own, env: { ...whole.env, ...own.env }, scripts: own.scripts ?? whole.scripts };
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(`app.json: ${[...(issue?.path ?? []), ''].join('.').replace(/\.$/, '')}: ${issue?.message}`);
}

/**
 * The config vars that an app begins with.
 *
 * @param overrides what the person says, which comes before app.json
 * @throws ApiError 422 for one that is required, and that nobody has given a value
 */
export function configOf({ env }: AppManifest, overrides: Readonly<Record<string, string>>): Record<string, string> {
  const config: Record<string, string> = { ...overrides };
  for (const [name, { value, required, generator }] of Object.entries(env)) {
    if (Object.hasOwn(config, name)) continue;
    if (value !== undefined) config[name] = value;
    else if (generator === 'secret') config[name] = crypto.getRandomValues(new Uint8Array(32)).toHex();
    else if (required) {
      throw invalid(`app.json: env.${name}: it is required and has no value. Give it one in overrides.env.${name}.`);
    }
  }
  return config;
}
