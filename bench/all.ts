/**
 * `npm run bench`: every bench, one after the other, and at the end all that they have measured in one table. Each writes
 * its part to dist/bench/<name>.json, and the whole is in dist/bench/all.json.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { clear, gather } from './support/results.ts';

const directory = fileURLToPath(new URL('.', import.meta.url));
const benches = readdirSync(directory).filter((name) => name.endsWith('.ts') && name !== 'all.ts');
clear();
const failed = benches.filter((name) => {
  console.log(`\n${name}`);
  return spawnSync(process.execPath, [directory + name], { stdio: 'inherit' }).status !== 0;
});
gather('all');
if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
