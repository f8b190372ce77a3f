import Fastify from 'fastify';
import { greet } from './greet';

const app = Fastify();
app.get('/:name', (request) => greet((request.params as { name: string }).name));
await app.listen({ port: Number(process.env.PORT), host: '0.0.0.0' });
