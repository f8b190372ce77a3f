/**
 * `node:test` ("Test runner", Node.js documentation): tests and suites that run one after the other, with their hooks.
 * A test that has begun waits for its subtests. `only`, snapshots, timers of `mock` and `run` are not there.
 */
import { counts, type Outcome, type SpecReport } from './report.ts';

export interface Options {
  name?: string;
  skip?: boolean | string;
  todo?: boolean | string;
  /** Milliseconds; without end where it is not given. */
  timeout?: number;
}

type Callback = (error?: unknown) => void;
type Body = (context?: unknown, done?: Callback) => unknown;
type Declared = [name?: string | Options | Body, options?: Options | Body, body?: Body];
type HookName = 'before' | 'after' | 'beforeEach' | 'afterEach';

/** What the runner takes from the program's own `node:` modules. */
export interface Environment {
  assert: unknown;
  mock: unknown;
  setTimeout: (callback: () => void, milliseconds: number) => unknown;
  clearTimeout: (timer: unknown) => void;
  report: SpecReport;
}

/** A test, a suite, or the root of a file. */
export class Node implements Outcome {
  readonly name: string;
  readonly kind: 'root' | 'suite' | 'test';
  readonly parent: Node | undefined;
  readonly options: Options;
  readonly hooks: Record<HookName, Body[]> = { before: [], after: [], beforeEach: [], afterEach: [] };
  readonly children: Node[] = [];
  state: 'waiting' | 'passed' | 'failed' = 'waiting';
  error: unknown;
  /** `true`, or why it was skipped or is to be done. */
  skip: boolean | string;
  todo: boolean | string;
  milliseconds = 0;
  readonly diagnostics: string[] = [];
  readonly #body: Body;
  readonly #environment: Environment;
  /** The children that were declared so far, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #collected: Promise<unknown> = Promise.resolve();
  #began = false;
  #prepared: Promise<void> | undefined;

  constructor(environment: Environment, kind: Node['kind'], name: string, options: Options, body: Body, parent?: Node) {
    this.#environment = environment;
    this.kind = kind;
    this.name = name;
    this.options = options;
    this.#body = body;
    this.parent = parent;
    this.skip = options.skip ?? parent?.skip ?? false;
    this.todo = options.todo ?? false;
    this.#began = kind === 'root';
  }

  get isFailed(): boolean {
    return this.state === 'failed';
  }

  /** Ends what has not ended when its program does. */
  abandon(): void {
    for (const child of this.children) {
      if (child.state !== 'waiting') continue;
      if (child.#began) child.abandon();
      child.#fail(new Error('Promise resolution is still pending but the event loop has already resolved'));
      this.#environment.report.ended(child);
    }
  }

  get depth(): number {
    return this.parent === undefined ? -1 : this.parent.depth + 1;
  }

  /** Declares a child, which runs after those before it. */
  add(kind: 'suite' | 'test', [first, second, third]: Declared, more: Options = {}): Promise<void> {
    const body = [first, second, third].find((part) => typeof part === 'function');
    const given = [first, second].find((part) => typeof part === 'object');
    const options = { ...given, ...more };
    const name = (typeof first === 'string' && first) || options.name || body?.name || '<anonymous>';
    const child = new Node(this.#environment, kind, name, options, body ?? (() => {}), this);
    this.children.push(child);
    if (kind === 'suite') child.#collect();
    if (!this.#began) return Promise.resolve();
    this.#queue = this.#queue.then(() => child.#run());
    return this.#queue;
  }

  /** Resolves when all children that were declared have run. */
  async settled(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.#queue; ) {
      seen = this.#queue;
      await seen;
    }
  }

  async runHooks(name: HookName): Promise<void> {
    for (const hook of this.hooks[name]) await this.#call(hook);
  }

  /** A suite's body declares its tests at once. */
  #collect(): void {
    if (this.skip) return;
    const outer = current.node;
    current.node = this;
    try {
      this.#collected = Promise.resolve(this.#body());
      this.#collected.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    } finally {
      current.node = outer;
    }
  }

  /** `before` hooks run once, ahead of the first child. */
  #prepare(): Promise<void> {
    this.#prepared ??= this.runHooks('before');
    return this.#prepared;
  }

  async #run(): Promise<void> {
    const { report } = this.#environment;
    const start = performance.now();
    try {
      if (this.parent) await this.parent.#prepare();
      if (!this.skip && this.kind === 'suite') await this.#runSuite();
      else if (!this.skip) await this.#runTest();
    } catch (error) {
      this.#fail(error);
    }
    const failed = this.children.filter(counts).length;
    if (failed > 0) {
      this.#fail(new Error(`${failed} subtest${failed === 1 ? '' : 's'} failed`));
    }
    if (this.state === 'waiting') this.state = 'passed';
    this.milliseconds = performance.now() - start;
    report.ended(this);
  }

  async #runSuite(): Promise<void> {
    await this.#collected.catch(() => {});
    await this.#prepare();
    this.#began = true;
    try {
      for (const child of this.children) await child.#run();
      await this.settled();
    } finally {
      await this.runHooks('after');
    }
  }

  async #runTest(): Promise<void> {
    this.#began = true;
    const around: Node[] = [];
    for (let node = this.parent; node; node = node.parent) around.unshift(node);
    try {
      for (const node of around) await node.runHooks('beforeEach');
      await this.#call(this.#body, this.options.timeout);
      await this.settled();
    } finally {
      for (const node of around.reverse()) await node.runHooks('afterEach');
      await this.runHooks('after');
    }
  }

  #fail(error: unknown): void {
    if (this.state === 'failed') return;
    this.state = 'failed';
    this.error = error;
  }

  async #call(body: Body, timeout?: number): Promise<void> {
    const { setTimeout, clearTimeout } = this.#environment;
    let timer: unknown;
    const late = new Promise<never>((_, reject) => {
      if (timeout === undefined || !Number.isFinite(timeout)) return;
      timer = setTimeout(() => reject(new Error(`test timed out after ${timeout}ms`)), timeout);
    });
    const context = this.#context();
    const work =
      body.length > 1
        ? new Promise<void>((resolve, reject) => {
            body(context, (error) => (error ? reject(error) : resolve()));
          })
        : (async () => body(context))();
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The `t` of a test. */
  #context(): object {
    const { assert, mock } = this.#environment;
    const hook = (name: HookName) => (body: Body) => {
      this.hooks[name].push(body);
    };
    const subtest = (...declared: Declared) => this.add('test', declared);
    return {
      name: this.name,
      assert,
      mock,
      signal: new AbortController().signal,
      test: subtest,
      diagnostic: (message: string) => {
        this.diagnostics.push(message);
      },
      skip: (reason?: string) => {
        this.skip = reason ?? true;
      },
      todo: (reason?: string) => {
        this.todo = reason ?? true;
      },
      before: (body: Body) => this.#call(body),
      after: hook('after'),
      beforeEach: hook('beforeEach'),
      afterEach: hook('afterEach'),
    };
  }
}

/** The suite whose body declares tests now: bodies run one inside the other, and never at the same time. */
const current: { node: Node | undefined } = { node: undefined };

/** @returns the module `node:test`, whose tests belong to a root */
export function createTestModule(root: Node, mock: unknown): unknown {
  const place = () => current.node ?? root;
  const declare = (kind: 'suite' | 'test') => {
    const plain = (...declared: Declared) => place().add(kind, declared);
    return Object.assign(plain, {
      skip: (...declared: Declared) => place().add(kind, declared, { skip: true }),
      todo: (...declared: Declared) => place().add(kind, declared, { todo: true }),
    });
  };
  const hook = (name: HookName) => (body: Body) => {
    place().hooks[name].push(body);
  };
  const [test, suite] = [declare('test'), declare('suite')];
  const hooks = {
    before: hook('before'),
    after: hook('after'),
    beforeEach: hook('beforeEach'),
    afterEach: hook('afterEach'),
  };
  return Object.assign(test, { test, it: test, describe: suite, suite, mock, ...hooks });
}
