import { createServer } from 'node:http';

const port: number = 'the port';
createServer().listen(port);
