import { createServer } from 'node:http';
import { report } from '@example/report';

createServer((_request, response) => response.end(`${report()}\n`)).listen(process.env.PORT);
