const { createServer } = require('node:http');
const { parse } = require('./generated/parser.js');
const validate = require('./generated/validate.js');

createServer((request, response) => {
  const query = Object.fromEntries(new URL(request.url, 'http://localhost').searchParams);
  if (!validate(query)) return response.writeHead(400).end(JSON.stringify(validate.errors[0].message));
  response.end(String(parse(query.sum)));
}).listen(process.env.PORT);
