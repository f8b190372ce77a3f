import { buildpackName, isOfficial } from '../../schema/buildpacks.ts';
import { invalid } from './errors.ts';

/**
 * The buildpack that someone names, as schema/buildpacks.ts has it.
 * @param field where in the request it stands, for the message
 * @throws ApiError 422
 */
export function readBuildpack(text: string, field: string): string {
  const read = buildpackName(text);
  if ('refused' in read) throw invalid(`${field}: ${read.refused}`);
  return read.name;
}

/** A buildpack in the API's answers: official ones have a URN in the place of a URL. */
export const buildpackResource = (name: string) => ({ name, url: isOfficial(name) ? `urn:buildpack:${name}` : name });
