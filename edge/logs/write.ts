import type { LogLine } from '../../schema/route.ts';
import type { Env } from '../env.ts';

/**
 * Adds a line of the platform itself to an app's log. As Heroku has it, what people and builds did is `app[api]`, and
 * what the platform did is `heroku[…]` ("Logging", "Types of logs").
 */
export async function writeLog(
  env: Env,
  appId: string,
  line: Pick<LogLine, 'source' | 'dyno' | 'text'>,
): Promise<void> {
  await env.LOG_CHANNEL.get(env.LOG_CHANNEL.idFromName(appId)).append([{ at: Date.now(), ...line }]);
}
