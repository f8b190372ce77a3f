const { createServer } = require('node:http');
const greet = require('greet');
const { version } = require('ms/package.json');

createServer((_request, response) => {
  response.end(`ms ${version}, for greet ${greet.ms === version ? 'the same' : 'another'}`);
}).listen(process.env.PORT);
