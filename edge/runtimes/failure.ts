/** Why the platform, not the app, answered: the codes and words of Heroku's "Error Codes". */
export const failures = {
  H10: 'App crashed',
  H11: 'Backlog too deep',
  H12: 'Request timeout',
  H13: 'Connection closed without response',
  H14: 'No web processes running',
  H15: 'Idle connection',
  H20: 'App boot timeout',
  H80: 'Maintenance mode',
  H81: 'Blank app',
  H99: 'Platform error',
} as const;

export type FailureCode = keyof typeof failures;

const FAILURE = 'x-islet-failure';

/** Of a dyno's answer to nobody: the app has another when it is started anew. */
const UNPREPARED = 'x-islet-unprepared';

/** What a dyno answers when its app does not; the router makes Heroku's page of it. */
export const failure = (code: FailureCode): Response =>
  new Response(null, { status: 503, headers: { [FAILURE]: code } });

/** The code of such an answer; null where the app answered. */
export function failureCode(response: Response): FailureCode | null {
  const code = response.headers.get(FAILURE);
  return code && code in failures ? (code as FailureCode) : null;
}

/** What an isolate answers that lacks a function which the app makes of text (GeneratedCode). */
export const unprepared = (): Response => new Response(null, { status: 503, headers: { [UNPREPARED]: '1' } });

export const isUnprepared = (response: Response): boolean => response.headers.has(UNPREPARED);

/** Of requests that may be made again (RFC 9110, section 9.2.1). */
export const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
