/** Bytes on their way from one who writes to one who reads: a command's standard input. */
export class Pipe {
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  /** A pipe at its end, as `/dev/null`, or with all its bytes in it. */
  static of(bytes?: Uint8Array): Pipe {
    const pipe = new Pipe();
    if (bytes?.length) pipe.write(bytes);
    pipe.end();
    return pipe;
  }

  write(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** What is there now; undefined when there is nothing yet, null at the end. */
  readNow(): Uint8Array | null | undefined {
    return this.#chunks.shift() ?? (this.#ended ? null : undefined);
  }

  /** Puts back what a reader did not take. */
  unread(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.unshift(chunk);
  }

  /** Waits for bytes; null at the end. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.readNow();
      if (chunk !== undefined) return chunk;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async readAll(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}
