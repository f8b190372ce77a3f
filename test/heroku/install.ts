/** Before the tests of Heroku's command line: installs it, as pinned in cli/, in that folder of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export default function install(): void {
  const folder = fileURLToPath(new URL('./cli/', import.meta.url));
  const installed = `${folder}node_modules/.package-lock.json`;
  const modified = (path: string) => statSync(path).mtimeMs;
  if (existsSync(installed) && modified(installed) >= modified(`${folder}package-lock.json`)) return;
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: folder, stdio: 'inherit', timeout: 600_000 });
}
