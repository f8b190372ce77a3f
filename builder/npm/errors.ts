import { BuildFailure } from '../failure.ts';

/** The code of an error of Node.js or npm: `ENOENT`, `E404`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Says an error of npm's libraries in a person's words.
 *
 * @param wanted the package it was about: `left-pad@^99.0.0`
 * @returns a BuildFailure, or the error itself when it says nothing about the app
 */
export function explain(error: unknown, wanted: string): unknown {
  const code = errorCode(error);
  if (code === undefined || error instanceof BuildFailure || !(error instanceof Error)) return error;
  const details = [
    `npm error code ${code}`,
    ...redact(error.message)
      .split('\n')
      .map((line) => `npm error ${line}`),
  ];
  const because = (reason: string, ...help: string[]) => new BuildFailure(reason, { details, help, cause: error });

  switch (code) {
    case 'E404':
      return because(
        `The registry does not have ${wanted}.`,
        'Check its name in package.json. A private package needs its registry and a token in .npmrc.',
      );
    case 'ETARGET': {
      // npm says which; where it also says why (`before`, a package's own tags), that is among the details.
      const [reason = error.message] = error.message.match(/^No matching version found for \S+?\.(?=\s|$)/) ?? [];
      return because(reason, 'Ask for a version that exists: `npm view <package> versions`.');
    }
    case 'E401':
    case 'E403':
      return because(`The registry refused access to ${wanted}.`, 'Check the registry and the token in .npmrc.');
    case 'ERESOLVE':
      return because(
        'The versions that package.json asks for cannot be installed together.',
        'Run `npm install` to see the conflict, resolve it, and commit package-lock.json.',
      );
    case 'EINVALIDPACKAGENAME':
    case 'EINVALIDTAGNAME':
      return because(`package.json asks for ${wanted}, which npm does not understand.`);
    case 'EALLOWGIT':
    case 'EALLOWFILE':
    case 'EALLOWDIRECTORY':
    case 'EALLOWREMOTE':
      return because(
        `${'package' in error && typeof error.package === 'string' ? error.package : wanted} does not come from a registry.`,
        'Commit the lockfile that pins it, or depend on a published version or a workspace of this repository.',
      );
    case 'EPRIVATE':
      return because(`${wanted} would be fetched from an address that is not on the public internet.`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'ETIMEDOUT':
    case 'ECONNECTIONTIMEOUT':
    case 'EIDLETIMEOUT':
      return because(`The registry could not be reached for ${wanted}.`, 'Push again in a while.');
    default:
      return error;
  }
}

/** Takes user names, passwords and query strings out of the addresses in a text. */
function redact(text: string): string {
  return text.replace(/(https?:\/\/)[^\s/@]+@/g, '$1').replace(/(https?:\/\/[^\s?]+)\?\S+/g, '$1');
}
