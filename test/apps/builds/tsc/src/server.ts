import { createServer } from 'node:http';
import { Direction, turn } from './compass.js';

createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const times = Number(searchParams.get('times') ?? 1);
  response.end(`facing ${Direction[turn(Direction.North, times)]}\n`);
}).listen(process.env.PORT);
