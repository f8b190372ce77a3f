import { type Scope, tokens } from '../../schema/tables.ts';
import { sha256 } from './bytes.ts';
import { type Database, now } from './database.ts';

export type Token = typeof tokens.$inferSelect;

interface NewToken {
  userId: string;
  description: string;
  scope: Scope[];
  /** Seconds from now; null for one that never expires. */
  expiresIn: number | null;
}

/** Makes a token. Its text is in the answer and nowhere else: what is stored is its hash. */
export async function createToken(
  db: Database,
  { userId, description, scope, expiresIn }: NewToken,
): Promise<{ row: Token; token: string }> {
  const { token, hash } = await newToken();
  const row: Token = {
    id: crypto.randomUUID(),
    userId,
    hash,
    description,
    scope,
    createdAt: now(),
    expiresAt: expiresIn === null ? null : new Date(Date.now() + expiresIn * 1000).toISOString(),
  };
  await db.insert(tokens).values(row);
  return { row, token };
}

/** The text of a token that nobody can guess, and what is stored of it. */
export async function newToken(): Promise<{ token: string; hash: string }> {
  const token = `ISLET-${crypto.getRandomValues(new Uint8Array(32)).toHex()}`;
  return { token, hash: await sha256(token) };
}
