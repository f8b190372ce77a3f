/**
 * The feature http-session-affinity: a client's requests go to the dyno that its first one went to, as a cookie says
 * ("Session Affinity", Heroku Dev Center).
 */
const COOKIE = 'heroku-session-affinity';

/** The dyno that a request asks for: `web.2`. */
export function askedDyno(request: Request): string | undefined {
  for (const pair of request.headers.get('cookie')?.split(';') ?? []) {
    const [name, value = ''] = pair.trim().split('=', 2);
    if (name === COOKIE) return decode(value);
  }
  return undefined;
}

/** A response that lets the client come back to a dyno. */
export function rememberDyno(response: Response, dyno: string): Response {
  if (response.webSocket) return response;
  const answer = new Response(response.body, response);
  answer.headers.append('set-cookie', `${COOKIE}=${btoa(dyno)}; Version=1; Path=/; HttpOnly`);
  return answer;
}

function decode(value: string): string | undefined {
  try {
    return atob(value);
  } catch {
    return undefined;
  }
}
