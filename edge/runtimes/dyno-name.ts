/** Which process of which app a Dyno runs. */
export interface DynoName {
  /** The app's UUID. */
  app: string;
  /** `web.1` */
  dyno: string;
}

/** The name of a Dyno's Durable Object. */
export const dynoKey = ({ app, dyno }: DynoName): string => `${app}/${dyno}`;

/** `web` of `web.1` */
export const processType = (dyno: string): string => dyno.replace(/\.[^.]*$/, '');
