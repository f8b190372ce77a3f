/** What an app can have switched on beside what every app has (Heroku's "App Feature"). */
import { and, eq } from 'drizzle-orm';
import { features } from '../../schema/tables.ts';
import type { Database } from './database.ts';

export interface Feature {
  id: string;
  name: string;
  displayName: string;
  description: string;
  docUrl: string;
  /** `general` ones are listed by `heroku features`, the others by `heroku labs`. */
  state: 'general' | 'beta';
  /** Whether it is so for every app and cannot be switched off. */
  always: boolean;
}

export const appFeatures: readonly Feature[] = [
  {
    id: '7a5a4d0c-2c50-4b0c-8d8e-0d4a4c1f6b01',
    name: 'preboot',
    displayName: 'Preboot',
    description: 'Start new web dynos before old ones are stopped.',
    docUrl: 'https://devcenter.heroku.com/articles/preboot',
    state: 'general',
    always: true,
  },
  {
    id: '7a5a4d0c-2c50-4b0c-8d8e-0d4a4c1f6b03',
    name: 'http-session-affinity',
    displayName: 'Session Affinity',
    description: 'A client keeps the web dyno that its first request went to.',
    docUrl: 'https://devcenter.heroku.com/articles/session-affinity',
    state: 'general',
    always: false,
  },
  {
    id: '7a5a4d0c-2c50-4b0c-8d8e-0d4a4c1f6b02',
    name: 'runtime-dyno-metadata',
    displayName: 'Dyno Metadata',
    description: 'Dyno metadata: names of the app and its release as variables of the environment.',
    docUrl: 'https://devcenter.heroku.com/articles/dyno-metadata',
    state: 'beta',
    always: false,
  },
];

/** The feature of that id or name. */
export const findFeature = (asked: string): Feature | undefined =>
  appFeatures.find(({ id, name }) => id === asked || name === asked);

/** The names of the features that an app has. */
export async function featuresOf(db: Database, appId: string): Promise<Set<string>> {
  const set = await db.query.features.findMany({ where: and(eq(features.appId, appId), eq(features.enabled, true)) });
  const always = appFeatures.filter((feature) => feature.always);
  return new Set([...set, ...always].map(({ name }) => name));
}
