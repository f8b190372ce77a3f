/** Requests of PHP's own, which lib/http.php and lib/curl.php hand over. */

interface HttpOrder {
  url: string;
  method: string;
  /** `Name: value`, one each. */
  headers: string[];
  /** base64 */
  body: string | null;
  follow?: boolean;
  /** How long it may take; 0 for as long as it takes. */
  seconds: number;
}

/** JSON: the status, the status line and headers, and the body in base64; or else `error`, what went wrong. */
type Answer = string;

/** Lets PHP reach the internet, as far as the app may. */
export function answerHttp(): void {
  Object.assign(globalThis, { isletFetch: exchange, isletCurlStart: start, isletCurlTake: take, isletCurlWait: wait });
}

async function exchange(order: string): Promise<Answer> {
  try {
    const { url, method, headers, body, follow, seconds } = JSON.parse(order) as HttpOrder;
    const sent = new Headers();
    for (const line of headers) {
      const colon = line.indexOf(':');
      if (colon > 0) sent.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    const response = await fetch(url, {
      method,
      headers: sent,
      body: body === null ? undefined : Buffer.from(body, 'base64'),
      redirect: follow ? 'follow' : 'manual',
      ...(seconds > 0 && { signal: AbortSignal.timeout(seconds * 1000) }),
    });
    const bytes = await response.arrayBuffer();
    return JSON.stringify({
      status: response.status,
      headers: [
        `HTTP/1.1 ${response.status} ${response.statusText}`.trim(),
        ...[...response.headers].flatMap(([name, value]) => (isOfPacked(name, response) ? [] : [`${name}: ${value}`])),
      ],
      body: Buffer.from(bytes).toString('base64'),
    });
  } catch (error) {
    const { name, message } = error as Error;
    return JSON.stringify({ error: message, timeout: name === 'TimeoutError' });
  }
}

/** Whether a header speaks of the body as it was before fetch unpacked it. */
const isOfPacked = (name: string, { headers }: Response): boolean =>
  name === 'content-encoding' || (name === 'content-length' && headers.has('content-encoding'));

/** Requests of curl's that are under way, and the answers of those that have ended. */
const transfers = new Map<string, { ended: Promise<void>; answer?: Answer }>();
let count = 0;

function start(order: string): string {
  const id = String(++count);
  const transfer: { ended: Promise<void>; answer?: Answer } = {
    ended: exchange(order).then((answer) => {
      transfer.answer = answer;
    }),
  };
  transfers.set(id, transfer);
  return id;
}

/** @returns the answer, once; empty while there is none */
function take(id: string): Answer | '' {
  const answer = transfers.get(id)?.answer;
  if (answer === undefined) return '';
  transfers.delete(id);
  return answer;
}

/** Resolves when one of them has ended. */
async function wait(ids: string, seconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Number(seconds) * 1000);
  const under = (JSON.parse(ids) as string[]).flatMap((id) => transfers.get(id)?.ended ?? []);
  await Promise.race([promise, ...under]);
  clearTimeout(timer);
}
