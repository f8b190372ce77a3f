/** `npm run deploy`: the database's migrations, then the Worker, to Cloudflare. Arguments go to `wrangler deploy`. */
import { spawnSync } from 'node:child_process';

const args = process.argv.slice(2);
const steps = [
  // A dry run touches nothing of the account, its database included.
  ...(args.includes('--dry-run') ? [] : [['d1', 'migrations', 'apply', 'DB', '--remote']]),
  ['deploy', ...args],
];
for (const step of steps) {
  const { status } = spawnSync('wrangler', step, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
