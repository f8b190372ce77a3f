/**
 * Between a Dyno and the instance it holds, whatever its runtime: the RPC interface of the Durable Object class `App`
 * that every adapter exports. Besides these, `fetch` serves a request.
 */

export interface BootOptions {
  /** The specifier of the module that holds the app, as the main module would import it. */
  module: string;
  /** The app's tree: a tar with paths that begin with `files/`. */
  files: ReadableStream<Uint8Array>;
  /** What every file of the tree is dated: milliseconds since 1970. */
  date: number;
  /** The host of the URLs by which the Dyno opens a link and fetches streams; see link/protocol.ts. Nobody else knows it. */
  link?: string;
}

export interface Instance {
  /** Starts the app, once. The stream is InstanceEvents, one JSON object a line; it lasts as long as the app. */
  boot(options: BootOptions): Promise<ReadableStream<Uint8Array>>;
  /** Whether a client is still reading a response, or has a WebSocket open. */
  busy(): Promise<boolean>;
  /** Resolves when every response is read to its end and the app has done what it does on SIGTERM. */
  stop(): Promise<void>;
}

/** A function that is made of text: the head that it has, such as `async function`, and the texts that it is made of. */
export type GeneratedCode = [head: string, ...texts: string[]];

/** The module `generated.json` of an isolate. */
export interface KnownCode {
  /** What the isolate is prepared for. */
  codes: readonly GeneratedCode[];
  /** Whether it is to tell of what else the app needs. */
  learns: boolean;
}

export type InstanceEvent =
  /** A line that the app wrote, without its newline. */
  | { type: 'output'; at: number; text: string }
  /** The app needs a function of text that its isolate did not have when it started. */
  | { type: 'generates'; code: GeneratedCode }
  /** The app takes requests. */
  | { type: 'listening' }
  /** The app has ended by itself; it is to be aborted. */
  | { type: 'exit'; code: number };
