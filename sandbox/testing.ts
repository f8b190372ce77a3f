/** What the sandbox's tests share. */
import type { CommandOptions, Exit, Sandbox, TreeEntry } from './index.ts';

/** Files below /app, by their path there. */
export function files(tree: Record<string, string | Uint8Array>): TreeEntry[] {
  return Object.entries(tree).map(([path, content]) => ({
    type: 'file',
    path: `/app/${path}`,
    mode: 0o644,
    content: typeof content === 'string' ? Buffer.from(content) : content,
  }));
}

/** Runs a line of shell in /app with its output as text. */
export async function runLine(
  sandbox: Sandbox,
  line: string,
  options: CommandOptions = {},
): Promise<{ exit: Exit; stdout: string; stderr: string }> {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const exit = await sandbox.run(line, {
    cwd: '/app',
    onStdout: (chunk) => stdout.push(chunk),
    onStderr: (chunk) => stderr.push(chunk),
    ...options,
  });
  return { exit, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/**
 * Assembles a WASI command (preview 1) that writes `output` to standard output and to a new file of its directory, and
 * ends with `exitCode`.
 */
export function wasiProgram({
  output,
  file,
  exitCode,
}: {
  output: string;
  file: string;
  exitCode: number;
}): Uint8Array {
  const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)]);
  const name = (text: string): number[] => [...leb(text.length), ...Buffer.from(text)];
  const section = (id: number, items: number[][]): number[] => {
    const body = [...leb(items.length), ...items.flat()];
    return [id, ...leb(body.length), ...body];
  };
  const [i32, i64] = [0x7f, 0x7e];
  const type = (parameters: number[], results: number[]) => [
    0x60,
    parameters.length,
    ...parameters,
    results.length,
    ...results,
  ];
  const constant = (value: number): number[] => {
    // Signed LEB128 of a small non-negative number.
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 7) {
      if (rest < 64) return [0x41, ...bytes, rest];
      bytes.push((rest & 127) | 128);
    }
  };
  const imported = (field: string, index: number) => [...name('wasi_snapshot_preview1'), ...name(field), 0, index];
  const text = Buffer.from(output + file);
  /** Addresses: an iovec at 0, a result at 8, the opened descriptor at 12, the texts from 64. */
  const [result, opened, texts] = [8, 12, 64];
  const call = (index: number) => [0x10, index];
  const drop = 0x1a;
  const load = (address: number) => [...constant(address), 0x28, 2, 0];
  const store = (address: number, value: number) => [...constant(address), ...constant(value), 0x36, 2, 0];
  const rights = [0x42, 0xc0, 0x00];
  const main = [
    ...store(0, texts),
    ...store(4, output.length),
    ...[...constant(1), ...constant(0), ...constant(1), ...constant(result), ...call(0), drop],
    // path_open(fd 4, which Wasmer opens as ".", no lookup flags, name, create, rights of fd_write, no inheriting, no flags)
    ...[...constant(4), ...constant(0), ...constant(texts + output.length), ...constant(file.length), ...constant(1)],
    ...[...rights, 0x42, 0, ...constant(0), ...constant(opened), ...call(1), drop],
    ...[...load(opened), ...constant(0), ...constant(1), ...constant(result), ...call(0), drop],
    ...[...constant(exitCode), ...call(2)],
    0x0b,
  ];
  const body = [0, ...main];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [
      type([i32, i32, i32, i32], [i32]),
      type([i32, i32, i32, i32, i32, i64, i64, i32, i32], [i32]),
      type([i32], []),
      type([], []),
    ]),
    ...section(2, [imported('fd_write', 0), imported('path_open', 1), imported('proc_exit', 2)]),
    ...section(3, [[3]]),
    ...section(5, [[0, 1]]),
    ...section(7, [
      [...name('_start'), 0, 3],
      [...name('memory'), 2, 0],
    ]),
    ...section(10, [[...leb(body.length), ...body]]),
    ...section(11, [[0, ...constant(texts), 0x0b, ...leb(text.length), ...text]]),
  ]);
}
