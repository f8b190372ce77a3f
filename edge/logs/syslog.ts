import type { LogLine } from '../../schema/route.ts';
import { cleanText, timestamp } from './format.ts';

/** Facility and severity as Logplex gives them: local7.info for what apps write, local3.info for the platform. */
const PRIORITIES = { app: 190, heroku: 158 } as const;

const encoder = new TextEncoder();

/**
 * Lines as frames of syslog (RFC 5424 without structured data; RFC 6587, 3.4.1, octet counting), as drains of Heroku's
 * have them ("Log Drains", "HTTPS drains"): `83 <40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed…`.
 *
 * @param hostname the drain's token
 */
export function syslogFrames(lines: readonly Omit<LogLine, 'app'>[], hostname: string): Uint8Array {
  const frames = lines.map(({ at, source, dyno, text }) => {
    const message = `<${PRIORITIES[source]}>1 ${timestamp(at)} ${hostname} ${source} ${dyno} - ${cleanText(text)}\n`;
    return `${encoder.encode(message).length} ${message}`;
  });
  return encoder.encode(frames.join(''));
}
