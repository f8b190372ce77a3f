/** From a source to a tree that is built: which buildpacks, and one after the other. */
import type { BuildOrder } from '../schema/build.ts';
import { isOfficial } from '../schema/buildpacks.ts';
import type { Assemble, Build, BuildContext } from './buildpacks/buildpack.ts';
import { runCustom } from './buildpacks/custom/index.ts';
import { buildpacks } from './buildpacks/index.ts';
import { listedBuildpacks } from './buildpacks/listed.ts';
import { assembleNode } from './buildpacks/nodejs/index.ts';
import { readPackageJson } from './buildpacks/nodejs/package-json.ts';
import { staticSite } from './buildpacks/static/index.ts';
import { BuildFailure } from './failure.ts';
import { readProcfile } from './procfile.ts';
import type { SlugContents } from './slug.ts';

export interface CompileContext extends BuildContext {
  order: BuildOrder;
  /** The internal secret. */
  secret: string;
}

/**
 * Builds the app in its tree, by the buildpacks that it asks for or by the first that knows it.
 *
 * @returns what makes its slug
 * @throws BuildFailure with what is wrong with the app or a buildpack
 */
export async function compile(context: CompileContext): Promise<() => Promise<SlugContents>> {
  const { tree, config, log, order, phase } = context;
  const listed = await listedBuildpacks(tree, order.buildpacks, config);
  if (listed.length > 0) return compileListed(listed, context);
  const { name, build } = await phase('detect', () => detect(tree));
  log.step(`Using buildpack: ${name}`);
  const assemble = await build(context);
  return () => assemble({});
}

async function compileListed(listed: readonly string[], context: CompileContext): Promise<() => Promise<SlugContents>> {
  const { log } = context;
  const [only] = listed;
  if (listed.length === 1) log.step(`Using buildpack: ${only}`);
  else {
    log.step('Using buildpacks:');
    log.detail(...listed.map((name, at) => `${at + 1}. ${name}`));
  }
  let { config } = context;
  let assemble: Assemble | undefined;
  const processTypes: Record<string, string> = {};
  const env: Record<string, string> = {};
  for (const name of listed) {
    if (isOfficial(name)) {
      const build = await detectNamed(name, context);
      assemble = await build({ ...context, config });
      continue;
    }
    const made = await runCustom(name, { ...context, config });
    config = { ...config, ...made.exported };
    Object.assign(processTypes, made.processTypes);
    Object.assign(env, made.env);
  }
  const finish = assemble ?? ((types) => assembleAlone(context, types));
  return async () => {
    const contents = await finish(processTypes);
    return { ...contents, manifest: { ...contents.manifest, env: { ...contents.manifest.env, ...env } } };
  };
}

/** The first buildpack that can build the app. */
async function detect(tree: string): Promise<{ name: string; build: Build }> {
  for (const { name, detect } of buildpacks) {
    const build = await detect(tree);
    if (build) return { name, build };
  }
  throw new BuildFailure('No default language could be detected for this app.', {
    help: [
      'HINT: This occurs when Islet cannot tell from the files at the root of the repository how to build it.',
      'A Node.js app has a package.json there. See that it is committed: `git ls-files package.json`.',
    ],
  });
}

async function detectNamed(name: string, { tree, phase }: BuildContext): Promise<Build> {
  const build = await phase('detect', async () => buildpacks.find((known) => known.name === name)?.detect(tree));
  if (build) return build;
  throw new BuildFailure(`App not compatible with buildpack: ${name}`, {
    help: [
      'The files that it looks for are not at the root of the app.',
      'See `heroku buildpacks` and `heroku buildpacks:remove`.',
    ],
  });
}

/** The slug of an app that none but buildpacks from elsewhere have built: a Node.js app, or a site. */
async function assembleAlone(
  context: BuildContext,
  processTypes: Readonly<Record<string, string>>,
): Promise<SlugContents> {
  const { tree } = context;
  const packageJson = await readPackageJson(tree);
  const { web } = { ...processTypes, ...(await readProcfile(tree)) };
  const build = packageJson || web ? undefined : await staticSite.detect(tree);
  if (build) return (await build(context))(processTypes);
  return assembleNode(packageJson ?? {}, context, processTypes);
}
