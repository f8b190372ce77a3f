import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import * as schema from '../../schema/tables.ts';

export type Database = DrizzleD1Database<typeof schema>;

export const database = (d1: D1Database): Database => drizzle(d1, { schema });

/** Now, as every time in the database is written. */
export const now = (): string => new Date().toISOString();

/** Whether D1 refused a write because of a UNIQUE constraint on `column`, written `table.column`. */
export function isUniqueViolation(error: unknown, column: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes('UNIQUE constraint failed') && cause.message.includes(column)) return true;
  }
  return false;
}
