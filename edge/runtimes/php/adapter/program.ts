/** Programs: PHP as its command line runs it, once ("Using PHP from the command line", PHP manual). */
import type { Engine } from './engine.ts';
import program from './lib/program.php';

/** What `php` runs: a file, or the text of one. */
export interface Program {
  /** Absolute, as the engine has it. */
  file?: string;
  code?: string;
  /** What `$argv` begins with. */
  name: string;
  args: readonly string[];
  /** Where it starts. */
  directory: string;
}

const PREPARED = '/islet/program.php';
const CODE = '/islet/code.php';

/** What lib/program.php ends with. */
const MARK = new TextEncoder().encode('\x1eislet\n');

/** PHP's name for the way that it is run. Programs of the command line refuse to run by another. */
const SAPI = { cgi: 'cgi-fcgi\0', cli: 'cli\0' };

/** Up to where the program's own data is, at most. Bytes. */
const DATA = 16 * 1024 ** 2;

/** Lines of php.ini for programs, after those for all. */
export const programIni = `
display_errors = stderr
log_errors = Off
max_execution_time = 0
implicit_flush = On
auto_prepend_file = ${PREPARED}
`;

/**
 * Runs a program on an engine that was started with `programIni`.
 *
 * @returns its exit status
 */
export function runProgram(
  engine: Engine,
  { file, code, name, args, directory }: Program,
  {
    env,
    input,
    onOutput,
  }: { env: Readonly<Record<string, string>>; input: Uint8Array; onOutput(bytes: Uint8Array): void },
): Promise<number> {
  engine.write(PREPARED, program);
  if (code !== undefined) engine.write(CODE, code);
  rename(engine);
  return engine.run(
    {
      ...env,
      // What the CGI program asks for before it runs a script.
      REDIRECT_STATUS: '200',
      GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_METHOD: 'GET',
      SCRIPT_FILENAME: file ?? CODE,
      ISLET_ARGV: JSON.stringify([name, ...args]),
      ISLET_DIRECTORY: directory,
    },
    { input, onOutput: afterMark(onOutput) },
  );
}

function rename({ php }: Engine): void {
  const encoder = new TextEncoder();
  const known = encoder.encode(SAPI.cgi);
  const memory = php.HEAPU8.subarray(0, DATA);
  const at = find(memory, known);
  if (at < 0) throw new Error('php.wasm is not the one that is known: it does not name itself.');
  memory.set(encoder.encode(SAPI.cli), at);
}

/** Leaves out the headers that CGI begins with. */
function afterMark(take: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  let head: Uint8Array | undefined = new Uint8Array();
  return (bytes) => {
    if (!head) return take(bytes);
    const all: Uint8Array = new Uint8Array(head.length + bytes.length);
    all.set(head);
    all.set(bytes, head.length);
    const at = find(all, MARK);
    head = at < 0 ? all : undefined;
    const rest = all.subarray(at + MARK.length);
    if (at >= 0 && rest.length > 0) take(rest);
  };
}

/** Where some bytes begin in others; below 0 where they do not. */
function find(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(wanted[0] ?? 0); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
