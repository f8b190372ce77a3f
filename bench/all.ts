/** `npm run bench`: every bench, one after the other; what each has measured is in dist/bench/. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('.', import.meta.url));
const benches = readdirSync(directory).filter((name) => name.endsWith('.ts') && name !== 'all.ts');
const failed = benches.filter((name) => {
  console.log(`\n${name}`);
  return spawnSync(process.execPath, [directory + name], { stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
