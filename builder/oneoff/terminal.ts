/**
 * What stands between the client of `heroku run` and the command: as much of a terminal's line discipline as a person
 * needs (POSIX.1, "General Terminal Interface", canonical mode): echo, a line at a time, erase, kill, interrupt, end.
 */
import type { Child } from '../../sandbox/index.ts';
import type { Terminal } from './one-off.ts';

const INTERRUPT = '\x03';
const END = '\x04';
const ERASE = /[\b\x7f]/;
const KILL = '\x15';
/** What arrow keys and their like send (ECMA-48, section 5.4): no line is edited by them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with one
const CONTROL_SEQUENCE = /\x1b\[[0-9;]*[A-Za-z~]/g;

/** More of a line than this is not kept: POSIX's MAX_CANON, generously. */
const MAX_LINE = 4096;

/** A connection to the client. */
export interface Connection {
  write(text: string): void;
  end(): void;
  onData(listener: (text: string) => void): void;
  onClose(listener: () => void): void;
}

export class LineTerminal implements Terminal {
  readonly #connection: Connection;
  readonly #tty: boolean;
  #child: Child | undefined;
  /** What came before there was a command. */
  #early = '';
  #line = '';
  #ended = false;

  /** @param hangUp called when the client goes before the command has ended */
  constructor(connection: Connection, { tty, hangUp }: { tty: boolean; hangUp: () => void }) {
    this.#connection = connection;
    this.#tty = tty;
    connection.onData((text) => this.#receive(text));
    connection.onClose(() => {
      if (!this.#ended) hangUp();
    });
  }

  write(text: string): void {
    this.#connection.write(this.#tty ? text.replace(/\r?\n/g, '\r\n') : text);
  }

  connect(child: Child): void {
    this.#child = child;
    this.#receive(this.#early);
    this.#early = '';
  }

  /** The command has ended. */
  end(reason: string | undefined): void {
    this.#ended = true;
    if (reason) this.write(`\n !    ${reason}\n`);
    this.#connection.end();
  }

  #receive(text: string): void {
    const child = this.#child;
    if (!child) {
      this.#early += text;
      return;
    }
    if (this.#tty) for (const character of text.replace(CONTROL_SEQUENCE, '')) this.#type(character, child);
    else this.#pass(text, child);
  }

  /** Input of a file or a pipe: the client marks its end as a terminal does. */
  #pass(text: string, child: Child): void {
    const ends = text.endsWith(END);
    const rest = ends ? text.slice(0, -1) : text;
    if (rest) child.writeStdin(rest);
    if (ends) child.endStdin();
  }

  #type(character: string, child: Child): void {
    if (character === INTERRUPT) {
      this.#line = '';
      this.write('^C\n');
      child.kill('SIGINT');
    } else if (character === END) {
      if (this.#line) child.writeStdin(this.#line);
      else child.endStdin();
      this.#line = '';
    } else if (character === '\r' || character === '\n') {
      this.write('\n');
      child.writeStdin(`${this.#line}\n`);
      this.#line = '';
    } else if (ERASE.test(character)) {
      if (this.#line) this.write('\b \b');
      this.#line = [...this.#line].slice(0, -1).join('');
    } else if (character === KILL) {
      this.write('\b \b'.repeat([...this.#line].length));
      this.#line = '';
    } else if ((character >= ' ' || character === '\t') && this.#line.length < MAX_LINE) {
      this.#line += character;
      this.write(character);
    }
  }
}
