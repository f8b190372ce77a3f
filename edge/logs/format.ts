import type { LogLine } from '../../schema/route.ts';

/**
 * A line as `heroku logs` prints it: `2026-11-23T09:30:00.000000+00:00 app[web.1]: listening`. Control characters,
 * by which an app could forge lines or drive the reader's terminal, are left out; tabs and colour codes stay.
 */
export function formatLogLine({ at, source, dyno, text }: Omit<LogLine, 'app'>): string {
  const time = new Date(at).toISOString().replace('Z', '000+00:00');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to leave out
  const clean = text.replace(/\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f]/g, '');
  return `${time} ${source}[${dyno}]: ${clean}\n`;
}
