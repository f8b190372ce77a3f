import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import greeting from 'greeting';

declare const BUILT_WITH: string;

createServer(async (request, response) => {
  if (request.url === '/client.js') response.end(await readFile(new URL('public/client.js', import.meta.url)));
  else response.end(`${greeting}, with ${BUILT_WITH}\n`);
}).listen(process.env.PORT);
