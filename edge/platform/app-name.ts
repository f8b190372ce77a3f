import { invalid } from './errors.ts';

/** Names that a host of the platform itself has, or would be taken for. */
const reserved = new Set(['api', 'git', 'www', 'dashboard']);

/**
 * Heroku's rule for names of apps ("Creating and Managing Apps"): 3 to 30 characters, lower-case letters, digits and
 * dashes, a letter first, a letter or digit last.
 * @throws ApiError 422 in Heroku's words
 */
export function checkAppName(name: string): void {
  if (name.length < 3) throw invalid('Name is too short (minimum is 3 characters)');
  if (name.length > 30) throw invalid('Name is too long (maximum is 30 characters)');
  if (!/^[a-z][a-z0-9-]*[a-z0-9]$/.test(name)) {
    throw invalid(
      'Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes.',
    );
  }
  if (reserved.has(name)) throw invalid(`Name ${name} is reserved by the platform`);
}

const adjectives =
  'amber brave brisk calm clear coral crisp early gentle golden hidden icy quiet rapid sandy silver still sunny tidal vivid warm wild windy'.split(
    ' ',
  );
const nouns =
  'atoll bay beach breeze cape cliff coast cove dune gull harbor inlet island lagoon palm pearl reef sand shell shoal shore surf tide wave'.split(
    ' ',
  );

/** A name for an app that was given none: `quiet-lagoon-04217`. */
export function randomAppName(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint32Array(3));
  const digits = String(c % 100_000).padStart(5, '0');
  return `${adjectives[a % adjectives.length]}-${nouns[b % nouns.length]}-${digits}`;
}
