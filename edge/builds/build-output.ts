/** More output than this of one build is passed over, with a line that says so. Bytes of UTF-8. */
const MAX_OUTPUT = 10 * 1024 * 1024;

/** A row of SQLite in a Durable Object holds 2 MB at most; output comes in far smaller pieces. */
const MAX_CHUNK = 64 * 1024;

const encoder = new TextEncoder();

/**
 * What builds print, kept in the Durable Object's own SQLite: a reader that comes late, or after a restart, reads all
 * of it, and a slow one holds no memory.
 */
export class BuildOutput {
  readonly #sql: SqlStorage;
  readonly #isPending: (build: string) => boolean;
  /** Builds that print now: what their readers wait for. */
  readonly #live = new Map<string, { size: number; full: boolean; wake: PromiseWithResolvers<void> }>();

  /** @param isPending whether a build that has printed nothing yet still will */
  constructor(sql: SqlStorage, isPending: (build: string) => boolean) {
    this.#sql = sql;
    this.#isPending = isPending;
    this.createTable();
  }

  createTable(): void {
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS output (seq INTEGER PRIMARY KEY AUTOINCREMENT, build TEXT NOT NULL, text BLOB NOT NULL);
       CREATE INDEX IF NOT EXISTS output_build ON output (build, seq)`,
    );
  }

  append(build: string, text: string): void {
    const live = this.#liveOf(build);
    let bytes = encoder.encode(text);
    if (live.full) return;
    if (live.size + bytes.length > MAX_OUTPUT) {
      live.full = true;
      bytes = encoder.encode(`\n !     More than ${MAX_OUTPUT / 1024 / 1024} MB of output; the rest is not kept.\n`);
    }
    live.size += bytes.length;
    for (let start = 0; start < bytes.length; start += MAX_CHUNK) {
      this.#sql.exec('INSERT INTO output (build, text) VALUES (?, ?)', build, bytes.slice(start, start + MAX_CHUNK));
    }
    live.wake.resolve();
    live.wake = Promise.withResolvers();
  }

  /** All of a build's output, waiting for more until `end`. */
  read(build: string): ReadableStream<Uint8Array> {
    let last = 0;
    return new ReadableStream({
      type: 'bytes',
      pull: async (controller: ReadableByteStreamController) => {
        for (;;) {
          const wake = this.#live.get(build)?.wake;
          const row = this.#sql
            .exec<{ seq: number; text: ArrayBuffer }>(
              'SELECT seq, text FROM output WHERE build = ? AND seq > ? ORDER BY seq LIMIT 1',
              build,
              last,
            )
            .toArray()[0];
          if (row) {
            last = row.seq;
            controller.enqueue(new Uint8Array(row.text));
            return;
          }
          if (!wake && !this.#isPending(build)) {
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          await (wake ?? this.#liveOf(build).wake).promise;
        }
      },
    });
  }

  /** No more will come of this build. */
  end(build: string): void {
    const live = this.#live.get(build);
    this.#live.delete(build);
    live?.wake.resolve();
  }

  endAll(): void {
    for (const build of [...this.#live.keys()]) this.end(build);
  }

  #liveOf(build: string) {
    const known = this.#live.get(build);
    if (known) return known;
    const [row] = this.#sql
      .exec<{ size: number | null }>('SELECT sum(length(text)) AS size FROM output WHERE build = ?', build)
      .toArray();
    const made = { size: row?.size ?? 0, full: false, wake: Promise.withResolvers<void>() };
    this.#live.set(build, made);
    return made;
  }
}
