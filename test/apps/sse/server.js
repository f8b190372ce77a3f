const http = require('node:http');

const server = http.createServer((req, res) => {
  if (req.url !== '/events') {
    res.writeHead(200, { 'content-type': 'text/plain' });
    res.end('Open /events for the time, four times a second.\n');
    return;
  }
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  let id = 0;
  const timer = setInterval(() => {
    res.write(`id: ${++id}\ndata: ${new Date().toISOString()}\n\n`);
  }, 250);
  res.on('close', () => clearInterval(timer));
});

server.listen(process.env.PORT || 3000);
