/** Requests of PHP's own, which lib/http.php hands over. */

interface HttpOrder {
  url: string;
  method: string;
  /** `Name: value`, one each. */
  headers: string[];
  agent: string | false;
  /** base64 */
  body: string;
  follow: boolean;
  /** How long it may take. */
  seconds: number;
}

/** Lets PHP's http streams reach the internet, as far as the app may: see lib/http.php. */
export function answerHttpStreams(): void {
  Object.assign(globalThis, { isletFetch: answer });
}

/** @returns JSON: status, headers with the status line first, and the body in base64; or else `error`, what went wrong */
async function answer(order: string): Promise<string> {
  try {
    const { url, method, headers, agent, body, follow, seconds } = JSON.parse(order) as HttpOrder;
    const sent = new Headers();
    if (agent) sent.set('user-agent', agent);
    for (const line of headers) {
      const colon = line.indexOf(':');
      if (colon > 0) sent.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    const response = await fetch(url, {
      method,
      headers: sent,
      body: body === '' ? undefined : Buffer.from(body, 'base64'),
      redirect: follow ? 'follow' : 'manual',
      signal: AbortSignal.timeout(seconds * 1000),
    });
    return JSON.stringify({
      status: response.status,
      headers: [
        `HTTP/1.1 ${response.status} ${response.statusText}`.trim(),
        ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
      ],
      body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    });
  } catch (error) {
    return JSON.stringify({ error: (error as Error).message });
  }
}
