import { createServer } from 'node:http';
import ms from 'ms';
import { name } from '../package.json';

createServer((request, response) => response.end(`${name}: two days are ${ms('2 days')} ms\n`)).listen(process.env.PORT);
