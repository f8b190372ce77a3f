const body = {
  type: 'object',
  required: ['title'],
  properties: { title: { type: 'string', minLength: 1 } },
};

export default async function todos(app) {
  const list = [];

  app.get('/', async () => list);

  app.post('/', { schema: { body } }, async (request, reply) => {
    const todo = { id: list.length + 1, title: request.body.title, done: false };
    list.push(todo);
    return reply.code(201).send(todo);
  });
}
