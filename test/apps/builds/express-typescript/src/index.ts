import express, { type Request, type Response } from 'express';
import { z } from 'zod';

const Todo = z.object({ title: z.string().min(1), done: z.boolean().default(false) });
const todos: z.infer<typeof Todo>[] = [];

const app = express();
app.use(express.json());
app.get('/todos', (_request: Request, response: Response) => {
  response.json(todos);
});
app.post('/todos', (request: Request, response: Response) => {
  const { success, data, error } = Todo.safeParse(request.body);
  if (!success) {
    response.status(400).json({ error: z.prettifyError(error) });
    return;
  }
  todos.push(data);
  response.status(201).json(data);
});
app.listen(process.env.PORT);
