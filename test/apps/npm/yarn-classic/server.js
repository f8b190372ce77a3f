const { createServer } = require('node:http');
const debug = require('debug');
const semver = require('semver');
const ms = require('ms/package.json').version;

createServer((_request, response) => {
  response.end(`debug ${typeof debug('x')}, ms ${ms}, ${semver.valid('v1.2.3')}`);
}).listen(process.env.PORT);
