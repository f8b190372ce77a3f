/**
 * `thread-stream` without a thread: what pino's transports write through. An isolate has one thread, and a transport that
 * writes to standard output or over the network needs no other.
 *
 * Of what pino asks for it knows one transport and several (`targets`, each from a level on). It says of pipelines that it
 * does not have them.
 */
const { EventEmitter } = require('node:events');
const { createWriteStream, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const levels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Number.POSITIVE_INFINITY };
const levelOf = (level, labels = {}) =>
  typeof level === 'string' ? (labels[level] ?? levels[level] ?? 0) : (level ?? 0);

/** pino's own transport, to a descriptor or a file. */
function openFile({ destination = 1, append = true, mkdir = false } = {}) {
  if (Number(destination) === 1) return process.stdout;
  if (Number(destination) === 2) return process.stderr;
  if (mkdir) mkdirSync(dirname(destination), { recursive: true });
  return createWriteStream(destination, { flags: append ? 'a' : 'w' });
}

/** @returns the stream that a transport's module makes */
async function openTransport(target, options) {
  if (/(^|\/)pino\/file(\.js)?$/.test(target)) return openFile(options);
  let module;
  if (/\/pino-pretty\//.test(target)) {
    try {
      module = require('pino-pretty');
    } catch {}
  }
  module ??= require(target);
  let make = module;
  while (typeof make !== 'function' && make?.default) make = make.default;
  if (typeof make !== 'function') throw new Error(`The transport ${target} exports no function.`);
  return make(options);
}

async function open(filename, data = {}) {
  if (!/(^|\/)pino\/lib\/worker\.js$/.test(filename)) return [{ from: 0, stream: await openTransport(filename, data) }];
  if (data.pipelines?.length > 0) throw new Error('Pipelines of pino transports need a thread, which is not there.');
  return Promise.all(
    data.targets.map(async ({ target, options, level }) => ({
      from: levelOf(level, data.levels),
      stream: await openTransport(target, options),
    })),
  );
}

class ThreadStream extends EventEmitter {
  #outputs;
  #waiting = [];
  #ending = false;
  closed = false;
  destroyed = false;
  writable = true;

  constructor({ filename, workerData }) {
    super();
    open(String(filename), workerData).then(
      (outputs) => {
        this.#outputs = outputs;
        for (const { stream } of outputs) stream.on?.('error', (error) => this.emit('error', error));
        for (const line of this.#waiting.splice(0)) this.#send(line);
        this.emit('ready');
        if (this.#ending) this.#close();
      },
      (error) => {
        this.destroyed = true;
        this.writable = false;
        this.emit('error', error);
      },
    );
  }

  #send(line) {
    const level = Number(/"level":(\d+)/.exec(line)?.[1] ?? Number.POSITIVE_INFINITY);
    for (const { from, stream } of this.#outputs) if (level >= from) stream.write(line);
  }

  write(line) {
    if (!this.writable) throw new Error('the transport has ended');
    if (this.#outputs) this.#send(line);
    else this.#waiting.push(line);
    return true;
  }

  #close() {
    for (const { stream } of this.#outputs) if (stream !== process.stdout && stream !== process.stderr) stream.end();
    this.closed = true;
    this.emit('close');
  }

  end() {
    if (this.#ending) return;
    this.#ending = true;
    this.writable = false;
    if (this.#outputs) this.#close();
  }

  destroy(error) {
    this.destroyed = true;
    if (error) this.emit('error', error);
    this.end();
  }

  flush(done) {
    if (this.#outputs || this.destroyed) queueMicrotask(() => done?.());
    else this.once('ready', () => done?.());
  }

  flushSync() {}
  ref() {}
  unref() {}

  get ready() {
    return this.#outputs !== undefined;
  }

  get writableEnded() {
    return this.#ending;
  }

  get writableNeedDrain() {
    return false;
  }
}

module.exports = ThreadStream;
