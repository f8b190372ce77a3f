import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One thing measured. */
export interface Result {
  /** What was done: `hello, 1 app`. */
  task: string;
  /** With what: `Islet`, `Node.js`. */
  subject: string;
  value: number;
  /** `requests/s`, `MiB`, … */
  unit: string;
}

const directory = fileURLToPath(new URL('../../dist/bench/', import.meta.url));

/** Prints what a bench has measured, a task a line and a subject a column, and writes it to dist/bench/<name>.json. */
export function publish(name: string, results: Result[]): void {
  const subjects = [...new Set(results.map(({ subject }) => subject))];
  const rows = Map.groupBy(results, ({ task, unit }) => `${task} (${unit})`);
  const width = Math.max(...[...rows.keys()].map((row) => row.length)) + 2;
  console.log(`\n${name.padEnd(width)}${subjects.map((subject) => subject.padStart(22)).join('')}`);
  for (const [row, of] of rows) {
    const cells = subjects.map((subject) => of.find((result) => result.subject === subject)?.value);
    console.log(row.padEnd(width) + cells.map((value) => (value?.toLocaleString('en') ?? '–').padStart(22)).join(''));
  }
  write(name, results);
}

/** Forgets what was published before. */
export function clear(): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Prints all that was published as one table, a result a line, and writes it to dist/bench/<name>.json. */
export function gather(name: string): void {
  mkdirSync(directory, { recursive: true });
  const files = readdirSync(directory).filter((file) => file.endsWith('.json') && file !== `${name}.json`);
  const all = files.flatMap((file) => {
    const { results }: { results: Result[] } = JSON.parse(readFileSync(directory + file, 'utf8'));
    return results.map((result) => ({ bench: file.replace('.json', ''), ...result }));
  });
  console.log();
  for (const { bench, task, subject, value, unit } of all) {
    const number = value.toLocaleString('en').padStart(12);
    console.log(`${bench.padEnd(10)}${task.padEnd(54)}${subject.padEnd(22)}${number} ${unit}`);
  }
  write(name, all);
}

function write(name: string, results: Result[]): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}${name}.json`, `${JSON.stringify({ at: new Date().toISOString(), results }, null, 2)}\n`);
}
