/**
 * A build's output in the form that Heroku's buildpacks write it ("Buildpack API", section "Style"): steps start with
 * an arrow, what belongs to a step is indented by seven columns, what needs attention starts with ` !`.
 */
export class BuildLog {
  readonly #write: (text: string) => void;

  /** @param write takes text with its newlines */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** `-----> Installing dependencies` */
  step(text: string): void {
    this.#write(`-----> ${text}\n`);
  }

  /** Lines that belong to the last step. */
  detail(...lines: readonly string[]): void {
    for (const line of lines) this.#write(line === '' ? '       \n' : `       ${line}\n`);
  }

  /** Lines that need attention. */
  warn(...lines: readonly string[]): void {
    for (const line of lines) this.#write(line === '' ? ' !\n' : ` !     ${line}\n`);
  }

  /** What writes in this form by itself: a buildpack. */
  verbatim(text: string): void {
    this.#write(text);
  }

  /**
   * Takes a program's output chunk by chunk and indents it. An incomplete line waits for its end, so that a chunk's
   * border never breaks one; `end` writes what is left.
   */
  indented(): { write(chunk: string): void; end(): void } {
    let rest = '';
    return {
      write: (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.detail(line);
      },
      end: () => {
        if (rest !== '') this.detail(rest);
        rest = '';
      },
    };
  }
}
