/**
 * Names of buildpacks. An official one has the name that Heroku's registry gives it (`heroku/nodejs`); any other is an
 * https URL, of an archive or of a git repository.
 */

/** The buildpacks that Islet brings. */
export const officialBuildpacks = [
  'heroku/go',
  'heroku/nodejs',
  'heroku/php',
  'heroku/python',
  'heroku/ruby',
  'heroku-community/static',
  'islet/deno',
  'islet/worker',
] as const;

export type OfficialBuildpack = (typeof officialBuildpacks)[number];

/** Where else Heroku's official buildpacks are found: as they stand in apps, files and answers of the registry. */
const officialUrls = [
  /^urn:buildpack:([\w-]+\/[\w-]+)$/,
  /^https:\/\/buildpack-registry\.s3\.amazonaws\.com\/buildpacks\/([\w-]+\/[\w-]+)\.tgz$/,
  /^https:\/\/codon-buildpacks\.s3\.amazonaws\.com\/buildpacks\/([\w-]+\/[\w-]+)\.tgz$/,
  /^https:\/\/github\.com\/(heroku)\/heroku-buildpack-([\w-]+?)(?:\.git)?\/?$/,
];

export const isOfficial = (name: string): name is OfficialBuildpack =>
  officialBuildpacks.some((known) => known === name);

/**
 * What a buildpack is called that someone names in any of Heroku's ways.
 *
 * @returns the name of an official one, or the URL as it is; or else `refused`, a sentence that says why
 */
export function buildpackName(text: string): { name: string } | { refused: string } {
  const named = /^[\w-]+\/[\w-]+$/.test(text) ? text : officialName(text);
  if (named !== undefined && isOfficial(named)) return { name: named };
  const url = URL.parse(text);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return { name: text };
  return {
    refused:
      named === undefined
        ? `${JSON.stringify(text)} is no buildpack: name one as namespace/name, or by an https URL.`
        : `There is no buildpack ${named} here. There are ${officialBuildpacks.join(', ')}, and any by its URL.`,
  };
}

function officialName(url: string): string | undefined {
  for (const pattern of officialUrls) {
    const match = pattern.exec(url);
    if (match) return match.slice(1).join('/');
  }
  return undefined;
}
