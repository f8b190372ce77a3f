import { join } from 'node:path';
import render from 'npm:preact-render-to-string@^6';
import { Hono } from 'hono';
import { shout } from '$lib/shout.ts';
import data from './data.json' with { type: 'json' };

const app = new Hono();
const Page = ({ name }: { name: string }) => <h1>{Deno.env.get('GREETING')} {name}</h1>;

app.get('/', (c) => c.html(render(<Page name={shout(c.req.query('name') ?? 'nobody')} />)));
app.get('/about', async (c) => {
  const files: string[] = [];
  for await (const entry of Deno.readDir('public')) files.push(`${entry.name} ${entry.isFile}`);
  const missing = await Deno.readTextFile('none.txt').catch((error) => error instanceof Deno.errors.NotFound);
  await Deno.mkdir('made/deep', { recursive: true });
  await Deno.writeTextFile('made/deep/new.txt', 'one\n');
  await Deno.writeTextFile('made/deep/new.txt', 'two\n', { append: true });
  return c.json({
    args: Deno.args,
    data,
    main: import.meta.main,
    url: import.meta.url,
    mainModule: Deno.mainModule,
    cwd: Deno.cwd(),
    dirname: import.meta.dirname,
    text: await Deno.readTextFile(new URL('../public/a file.txt', import.meta.url)),
    size: (await Deno.stat(join(Deno.cwd(), 'public/a file.txt'))).size,
    files,
    missing,
    written: Deno.readTextFileSync('made/deep/new.txt'),
    os: Deno.build.os,
    port: Deno.env.get('PORT') === undefined,
  });
});
app.get('/kv', async (c) => {
  try {
    await Deno.openKv();
    return c.text('open');
  } catch (error) {
    return c.text(String(error));
  }
});
app.get('/stream', () => {
  let count = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      controller.enqueue(new TextEncoder().encode(`part ${count}\n`));
      if (++count === 3) controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/plain' } });
});
app.post('/count', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
app.get('/fail', () => {
  throw new Error('on purpose');
});
app.get('/exit', () => Deno.exit(3));

Deno.addSignalListener('SIGTERM', () => {
  console.log('going down');
  Deno.exit(0);
});

Deno.serve((request, info) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/raw-fail') throw new Error('of the handler');
  if (pathname === '/address') return new Response(`${info.remoteAddr.transport} ${info.remoteAddr.hostname}`);
  if (pathname !== '/socket') return app.fetch(request);
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => console.log('socket open', socket.readyState === WebSocket.OPEN);
  socket.onmessage = (event) => socket.send(`echo ${event.data}`);
  socket.addEventListener('close', (event) => console.log('socket closed', event.code, event.reason));
  return response;
});
