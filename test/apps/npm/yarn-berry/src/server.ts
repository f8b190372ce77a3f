import debug = require('debug');

declare function require(name: string): any;
declare const process: { env: Record<string, string> };

const log: debug.Debugger = debug('berry');
const { createServer } = require('node:http');
createServer((_request: unknown, response: { end(text: string): void }) => {
  response.end(`${log.namespace}, ms ${require('ms/package.json').version}`);
}).listen(process.env.PORT);
