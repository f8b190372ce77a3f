/** What `node:test` prints: the lines of its reporter `spec`, which is the one that Node uses by default. */

/** A test or suite that has ended. */
export interface Outcome {
  name: string;
  kind: 'root' | 'suite' | 'test';
  /** 0 at the top. */
  depth: number;
  parent: Outcome | undefined;
  children: readonly Outcome[];
  /** `true`, or why. */
  skip: boolean | string;
  todo: boolean | string;
  isFailed: boolean;
  error: unknown;
  milliseconds: number;
  diagnostics: readonly string[];
}

/** What fails while it is to be done fails nothing else. */
export const counts = ({ isFailed, todo, skip }: Outcome): boolean => isFailed && !todo && !skip;

const reason = (value: boolean | string, word: string): string =>
  value === false ? '' : ` # ${value === true ? word : value}`;

export class SpecReport {
  readonly #write: (text: string) => void;
  readonly #inspect: (value: unknown) => string;
  readonly #announced = new Set<Outcome>();
  readonly #ended: Outcome[] = [];
  readonly #start = performance.now();

  constructor(write: (text: string) => void, inspect: (value: unknown) => string) {
    this.#write = write;
    this.#inspect = inspect;
  }

  /** How many tests and suites have ended. */
  get count(): number {
    return this.#ended.length;
  }

  hasFailedSince(count: number): boolean {
    return this.#ended.slice(count).some(counts);
  }

  /** Prints a test or suite that has ended, below the names of those around it. */
  ended(node: Outcome): void {
    this.#ended.push(node);
    for (const around of pathOf(node)) {
      if (this.#announced.has(around)) continue;
      this.#announced.add(around);
      this.#write(`${'  '.repeat(around.depth)}▶ ${around.name}\n`);
    }
    this.#write(line(node));
    for (const text of node.diagnostics) this.#write(`${'  '.repeat(node.depth)}ℹ ${text}\n`);
  }

  /**
   * Prints the sums, and what failed.
   *
   * @returns whether all went well
   */
  close(): boolean {
    const tests = this.#ended.filter(({ kind }) => kind === 'test');
    const failed = this.#ended.filter(counts);
    const sums = {
      tests: tests.length,
      suites: this.#ended.length - tests.length,
      pass: tests.filter(({ isFailed, skip, todo }) => !isFailed && !skip && !todo).length,
      fail: tests.filter(counts).length,
      cancelled: 0,
      skipped: tests.filter(({ skip }) => skip).length,
      todo: tests.filter(({ todo, skip }) => todo && !skip).length,
      duration_ms: performance.now() - this.#start,
    };
    for (const [name, value] of Object.entries(sums)) this.#write(`ℹ ${name} ${value}\n`);
    const leaves = failed.filter(({ children }) => !children.some(counts));
    if (leaves.length > 0) this.#write('\n✖ failing tests:\n');
    for (const node of leaves) {
      const text = this.#inspect(node.error).replaceAll(/^/gm, '  ');
      this.#write(`\n✖ ${[...pathOf(node), node].map(({ name }) => name).join(' > ')}\n${text}\n`);
    }
    return failed.length === 0;
  }
}

/** Those around a test, from the outermost on. */
function pathOf(node: Outcome): Outcome[] {
  const path: Outcome[] = [];
  for (let around = node.parent; around && around.kind !== 'root'; around = around.parent) path.unshift(around);
  return path;
}

function line(node: Outcome): string {
  const mark = node.skip ? '﹣' : !node.isFailed ? '✔' : node.todo ? '⚠' : '✖';
  const why = node.skip ? reason(node.skip, 'SKIP') : reason(node.todo, 'TODO');
  return `${'  '.repeat(node.depth)}${mark} ${node.name} (${node.milliseconds.toFixed(3)}ms)${why}\n`;
}
