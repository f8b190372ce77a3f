import type { Env } from '../env.ts';

/** Where people reach an app: `http://shop.localhost:5000/`. */
export function appUrl(env: Env, name: string): string {
  return env.PUBLIC_PORT ? `http://${appHost(env, name)}:${env.PUBLIC_PORT}/` : `https://${appHost(env, name)}/`;
}

/** The host below the apps' domain that is always the app's own. */
export const appHost = (env: Env, name: string): string => `${name}.${env.APPS_DOMAIN}`;
