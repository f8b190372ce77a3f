import type { LogLine } from '../../schema/route.ts';

/** How long lines are gathered before they are sent. Milliseconds. */
const GATHER_MS = 100;

/** How many lines may wait for the edge; what comes after that is dropped and counted. */
const MAX_WAITING = 5_000;

/** As long as a line may be in Heroku's log ("Logging", "Log message format"). */
const MAX_LINE = 10_000;

/** What a one-off dyno adds to the log of its app. */
export class AppLog {
  readonly #url: string;
  readonly #secret: string;
  readonly #line: Pick<LogLine, 'app' | 'dyno'>;
  readonly #waiting: LogLine[] = [];
  #dropped = 0;
  #rest = '';
  #sending: Promise<void> | undefined;

  /**
   * @param url takes the lines: `logs` of a OneOffOrder
   * @param line the app's UUID, and the dyno's name
   */
  constructor(url: string, secret: string, line: Pick<LogLine, 'app' | 'dyno'>) {
    this.#url = url;
    this.#secret = secret;
    this.#line = line;
  }

  /** What the platform says of the dyno. */
  heroku(text: string): void {
    this.#add('heroku', text);
  }

  /** A piece of what the command printed. */
  output(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#add('app', line.replace(/\r$/, ''));
    if (this.#rest.length <= MAX_LINE) return;
    this.#add('app', this.#rest);
    this.#rest = '';
  }

  /** Resolves when the edge has, or has refused, all lines. */
  async flush(): Promise<void> {
    if (this.#rest !== '') this.#add('app', this.#rest);
    this.#rest = '';
    await this.#sending;
  }

  #add(source: LogLine['source'], text: string): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    for (let at = 0; at === 0 || at < text.length; at += MAX_LINE) {
      this.#waiting.push({ ...this.#line, at: Date.now(), source, text: text.slice(at, at + MAX_LINE) });
    }
    this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0);
      if (this.#dropped > 0) {
        const text = `Error L10 (output buffer overflow): ${this.#dropped} messages dropped.`;
        lines.push({ ...this.#line, at: Date.now(), source: 'heroku', dyno: 'logplex', text });
        this.#dropped = 0;
      }
      // What the edge misses while it starts is lost, as lines of other dynos are.
      await fetch(this.#url, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(lines),
        signal: AbortSignal.timeout(10_000),
      })
        .then((response) => response.body?.cancel())
        .catch(() => undefined);
    }
    this.#sending = undefined;
  }
}
