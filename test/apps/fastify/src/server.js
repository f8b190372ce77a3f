import Fastify from 'fastify';
import todos from './routes/todos.js';

const app = Fastify({ logger: true });

app.get('/', async () => ({ hello: 'fastify' }));
app.register(todos, { prefix: '/todos' });

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '0.0.0.0' });
