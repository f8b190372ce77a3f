import type { DataDir } from './data-dir.ts';
import type { Settings } from './settings.ts';

/** What a person reads when the platform is ready: where it is, and what to type next. */
export function welcome({ port, appsDomain }: Settings, { path, apiKey }: DataDir): string {
  const url = `http://localhost:${port}`;
  return `
Islet is ready.

  URL       ${url}
  API key   ${apiKey}
  Apps      http://<app>.${appsDomain}:${port}/
  Data      ${path}

Deploy the app whose git repository you are in:

  curl -u :${apiKey} ${url}/apps -d '{"name":"my-app"}'
  git remote add islet http://islet:${apiKey}@localhost:${port}/my-app.git
  git push islet main

Ctrl-C stops it; the next start goes on with every app.
`;
}
