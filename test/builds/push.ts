import { basename } from 'node:path';
import type { Platform } from '../support/platform.ts';
import { Repository } from '../support/repository.ts';

/**
 * Pushes a fixture to an app of its name.
 *
 * @param fixture a folder of test/apps
 * @returns what git printed
 * @throws Error when the push was refused
 */
export async function pushApp(platform: Platform, fixture: string): Promise<string> {
  const app = basename(fixture);
  const { status, body } = await platform.api('POST', '/apps', { name: app });
  if (status !== 201) throw new Error(`The app ${app} was not made: ${JSON.stringify(body)}`);
  const repository = await Repository.create(fixture);
  try {
    const { code, stderr } = await repository.git('push', platform.remote(app), 'main');
    if (code !== 0) throw new Error(stderr);
    return stderr;
  } finally {
    await repository.destroy();
  }
}

/** A file that a page names, by a pattern with one group: its path on the site. */
export function named(page: string, pattern: RegExp): string {
  const [, path] = pattern.exec(page) ?? [];
  if (path === undefined) throw new Error(`${pattern} is not in the page:\n${page}`);
  return path;
}
