import { fileURLToPath } from 'node:url';
import { Repository } from '../../test/support/repository.ts';

/** An Express application with the four kinds of answer that the benches ask for. */
const server = `
const express = require('express');
const app = express();
const megabyte = Buffer.alloc(2 ** 20, 'x');
const list = Array.from({ length: 50 }, (_, id) => ({ id, name: 'Item ' + id, tags: ['a', 'b'], price: id * 1.5 }));
app.get('/hello', (req, res) => res.send('hello'));
app.get('/json', (req, res) => res.json(list));
app.get('/megabyte', (req, res) => res.type('text').send(megabyte));
app.post('/upload', (req, res) => {
  let bytes = 0;
  req.on('data', (chunk) => { bytes += chunk.length; });
  req.on('end', () => res.send(String(bytes)));
});
app.listen(process.env.PORT);
`;

/** A repository of that application. */
export async function expressRepository(): Promise<Repository> {
  const repository = await Repository.create(fileURLToPath(new URL('../../test/apps/express', import.meta.url)));
  await repository.write({ 'server.js': server });
  await repository.commit('For the bench');
  return repository;
}
