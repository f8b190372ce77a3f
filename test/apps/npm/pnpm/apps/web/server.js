const { createServer } = require('node:http');
const greet = require('greet');
const { version } = require('ms/package.json');

createServer((_request, response) => response.end(greet(`ms ${version}`))).listen(process.env.PORT);
