/**
 * Which buildpacks an app asks for. The first of these that names any decides:
 *
 * 1. the request for the build, or `heroku buildpacks:set`
 * 2. the config var BUILDPACK_URL
 * 3. `.buildpacks`, a URL or name a line, as heroku-buildpack-multi reads it
 * 4. `project.toml` ("Project Descriptor", Cloud Native Buildpacks: `[[io.buildpacks.group]]`)
 * 5. `app.json` ("app.json Schema", `buildpacks`)
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { buildpackName } from '../../schema/buildpacks.ts';
import { BuildFailure } from '../failure.ts';

/** A file is of no use that is longer. Characters. */
const maxFile = 256 * 1024;

/**
 * @param tree absolute path of the app
 * @param asked what the order names
 * @param config the app's config vars
 * @returns official names or URLs, in order; none when nobody asks for any
 * @throws BuildFailure when a file cannot be read, or names what is no buildpack
 */
export async function listedBuildpacks(
  tree: string,
  asked: readonly string[],
  config: Readonly<Record<string, string>>,
): Promise<string[]> {
  if (asked.length > 0) return [...asked];
  if (config.BUILDPACK_URL) return [named(config.BUILDPACK_URL, 'The config var BUILDPACK_URL')];
  for (const [file, read] of [
    ['.buildpacks', readLines],
    ['project.toml', readProject],
    ['app.json', readAppJson],
  ] as const) {
    const text = await readFile(join(tree, file), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    if (text.length > maxFile) throw new BuildFailure(`${file} is longer than ${maxFile / 1024} KB.`);
    const list = read(text);
    if (list.length > 0) return list.map((name) => named(name, file));
  }
  return [];
}

function named(text: string, where: string): string {
  const read = buildpackName(text);
  if ('refused' in read) throw new BuildFailure(`${where}: ${read.refused}`);
  return read.name;
}

function readLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/^#.*/, '').trim())
    .filter((line) => line !== '');
}

const group = z.array(z.object({ id: z.string().optional(), uri: z.string().optional() })).optional();
const project = z.object({
  io: z.object({ buildpacks: z.object({ group }).optional() }).optional(),
  build: z.object({ buildpacks: group }).optional(),
});

function readProject(text: string): string[] {
  const { io, build } = parsed('project.toml', project, () => parseToml(text));
  return (io?.buildpacks?.group ?? build?.buildpacks ?? []).map(({ id, uri }) => uri ?? id ?? '');
}

const appJson = z.object({ buildpacks: z.array(z.object({ url: z.string() })).optional() });

function readAppJson(text: string): string[] {
  const { buildpacks = [] } = parsed('app.json', appJson, () => JSON.parse(text));
  return buildpacks.map(({ url }) => url);
}

function parsed<Schema extends z.ZodType>(file: string, schema: Schema, parse: () => unknown): z.infer<Schema> {
  let value: unknown;
  try {
    value = parse();
  } catch (error) {
    throw new BuildFailure(`${file} cannot be read: ${error instanceof Error ? error.message.trim() : error}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BuildFailure(`${file} is wrong at ${issue?.path.join('.') || 'its root'}: ${issue?.message}.`);
}
