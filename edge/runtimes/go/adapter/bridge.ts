/** The host's side of what builder/buildpacks/go/bridge links into a program: connections to its listeners. */
import { uncaught } from '../../node/adapter/errors.ts';

/** As much as the program sends at once. Bytes. */
const READ_SIZE = 64 * 1024;

/** What the bridge finds at globalThis.islet, and what it adds; builder/buildpacks/go/bridge/bridge.go says it all. */
interface Shared {
  environment: string[];
  buffer: Uint8Array;
  received(id: number, length: number): boolean;
  written(id: number): void;
  closed(id: number): void;
}

interface Exported {
  listens(port: number): boolean;
  connect(id: number, port: number): void;
  write(id: number, bytes: Uint8Array): void;
  resume(id: number): void;
  close(id: number): void;
  terminate(): boolean;
}

/** Whoever holds a connection. */
export interface ConnectionHandler {
  /** Takes bytes, which are its own. @returns false to have no more before `resume` */
  onBytes(bytes: Uint8Array<ArrayBuffer>): boolean;
  /** The program has closed the connection, or nothing listens. */
  onClose(): void;
}

/** A connection to a listener of the program. */
export class Connection {
  handler: ConnectionHandler | undefined;
  readonly #id: number;
  readonly #bridge: Bridge;
  #open = true;
  #writing: PromiseWithResolvers<boolean> | undefined;

  constructor(id: number, bridge: Bridge) {
    this.#id = id;
    this.#bridge = bridge;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether the program has not taken all that was sent. */
  get writing(): boolean {
    return this.#writing !== undefined;
  }

  /**
   * Sends bytes; the next may be sent when it has resolved.
   *
   * @returns whether the program has taken them
   */
  write(bytes: Uint8Array): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false);
    const writing = Promise.withResolvers<boolean>();
    this.#writing = writing;
    this.#bridge.call((program) => program.write(this.#id, bytes));
    return writing.promise;
  }

  resume(): void {
    if (this.#open) this.#bridge.call((program) => program.resume(this.#id));
  }

  close(): void {
    if (!this.#open) return;
    this.#end();
    this.#bridge.forget(this.#id);
    this.#bridge.call((program) => program.close(this.#id));
  }

  /** For the bridge: the program has taken what was written. */
  written(): void {
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.resolve(true);
  }

  /** For the bridge: the program has ended it. */
  closed(): void {
    this.#end();
    this.handler?.onClose();
  }

  #end(): void {
    this.#open = false;
    this.#writing?.resolve(false);
    this.#writing = undefined;
  }
}

export class Bridge {
  readonly #shared: Shared & Partial<Exported>;
  readonly #connections = new Map<number, Connection>();
  #count = 0;

  /** Before the program starts. @param environment its variables */
  constructor(environment: Readonly<Record<string, string>>) {
    const buffer = new Uint8Array(READ_SIZE);
    this.#shared = {
      environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      buffer,
      received: (id, length) => this.#connections.get(id)?.handler?.onBytes(buffer.slice(0, length)) ?? true,
      written: (id) => this.#connections.get(id)?.written(),
      closed: (id) => {
        const connection = this.#connections.get(id);
        this.#connections.delete(id);
        connection?.closed();
      },
    };
    Object.assign(globalThis, { islet: this.#shared });
  }

  /** Whether the program listens on a port. */
  listens(port: number): boolean {
    return this.call((program) => program.listens?.(port)) ?? false;
  }

  connect(port: number): Connection {
    const id = ++this.#count;
    const connection = new Connection(id, this);
    this.#connections.set(id, connection);
    this.call((program) => program.connect(id, port));
    return connection;
  }

  /** Sends SIGTERM. @returns whether the program waits for it */
  terminate(): boolean {
    return this.call((program) => program.terminate()) ?? false;
  }

  /** For connections. */
  forget(id: number): void {
    this.#connections.delete(id);
  }

  /** For connections: lets the program run; when it ends by that, the instance does. */
  call<Result>(run: (program: Exported) => Result): Result | undefined {
    try {
      return run(this.#shared as unknown as Exported);
    } catch (error) {
      uncaught(error);
      return undefined;
    }
  }
}
