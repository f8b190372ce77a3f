import { formatWithOptions, inspect } from 'node:util';
import type { LineWriter } from './output.ts';

type Methods = Partial<Console>;

/** The methods of Node's global `console` (Node.js documentation, "Console"), over two writers. */
export function createConsole(out: LineWriter, err: LineWriter): Methods {
  let indent = '';
  const counts = new Map<string, number>();
  const times = new Map<string, number>();

  const print = (writer: LineWriter, args: unknown[]): void => {
    const text = formatWithOptions({ colors: false }, ...args);
    writer.write(`${indent}${indent ? text.replaceAll('\n', `\n${indent}`) : text}\n`);
  };
  const log = (...args: unknown[]) => print(out, args);
  const error = (...args: unknown[]) => print(err, args);
  const elapsed = (label: string): string | undefined => {
    const start = times.get(label);
    return start === undefined ? undefined : `${label}: ${Date.now() - start}ms`;
  };
  const group = (...args: unknown[]) => {
    if (args.length > 0) log(...args);
    indent += '  ';
  };

  return {
    log,
    info: log,
    debug: log,
    error,
    warn: error,
    trace(...args) {
      const { stack = '' } = new Error();
      error(`Trace: ${formatWithOptions({ colors: false }, ...args)}\n${stack.split('\n').slice(2).join('\n')}`);
    },
    dir: (value, options) => log(inspect(value, { customInspect: false, ...options })),
    dirxml: log,
    table: (data, columns) => log(renderTable(data, columns)),
    assert(condition, ...args) {
      if (condition) return;
      if (typeof args[0] === 'string') error(`Assertion failed: ${args[0]}`, ...args.slice(1));
      else error('Assertion failed', ...args);
    },
    count(label = 'default') {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      log(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = 'default') => void counts.delete(label),
    time: (label = 'default') => void times.set(label, Date.now()),
    timeLog(label = 'default', ...args) {
      const text = elapsed(label);
      if (text) log(text, ...args);
    },
    timeEnd(label = 'default') {
      const text = elapsed(label);
      if (text) log(text);
      times.delete(label);
    },
    group,
    groupCollapsed: group,
    groupEnd() {
      indent = indent.slice(2);
    },
  };
}

/** A table of rows and columns in box characters; what is not made of rows is printed as it is. */
function renderTable(data: unknown, columns?: readonly string[]): string {
  if (typeof data !== 'object' || data === null) return inspect(data);
  const rows = Object.entries(data).map(([index, row]) =>
    typeof row === 'object' && row !== null
      ? { index, cells: new Map(Object.entries(row)), value: undefined }
      : { index, cells: new Map<string, unknown>(), value: inspect(row) },
  );
  const names = columns ?? [...new Set(rows.flatMap(({ cells }) => [...cells.keys()]))];
  const values = rows.some(({ value }) => value !== undefined) ? ['Values'] : [];
  const table = [
    ['(index)', ...names, ...values],
    ...rows.map(({ index, cells, value = '' }) => [
      index,
      ...names.map((name) => (cells.has(name) ? inspect(cells.get(name)) : '')),
      ...values.map(() => value),
    ]),
  ];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)) + 2) ?? [];
  const rule = (left: string, middle: string, right: string) =>
    `${left}${widths.map((width) => '─'.repeat(width)).join(middle)}${right}`;
  const line = (row: string[]) => `│${row.map((cell, i) => ` ${cell}`.padEnd(widths[i] ?? 0)).join('│')}│`;
  const [head = [], ...body] = table;
  return [rule('┌', '┬', '┐'), line(head), rule('├', '┼', '┤'), ...body.map(line), rule('└', '┴', '┘')].join('\n');
}
