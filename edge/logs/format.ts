import type { LogLine } from '../../schema/route.ts';

/** A line as `heroku logs` prints it: `2026-11-23T09:30:00.000000+00:00 app[web.1]: listening`. */
export function formatLogLine({ at, source, dyno, text }: Omit<LogLine, 'app'>): string {
  return `${timestamp(at)} ${source}[${dyno}]: ${cleanText(text)}\n`;
}

/** @param at milliseconds since 1970 */
export const timestamp = (at: number): string => new Date(at).toISOString().replace('Z', '000+00:00');

/**
 * Leaves out control characters, by which an app could forge lines or drive the reader's terminal; tabs and colour
 * codes stay.
 */
export function cleanText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to leave out
  return text.replace(/\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f]/g, '');
}
