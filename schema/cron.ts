import { Cron } from 'croner';

/**
 * The times of a cron trigger, read as Cloudflare reads it: five fields, in UTC, days of the week from 1 for Sunday.
 *
 * @returns paused
 * @throws Error that says what is wrong with the expression
 */
export const cronOf = (expression: string): Cron =>
  new Cron(expression, { mode: '5-part', timezone: 'UTC', alternativeWeekdays: true, paused: true });
