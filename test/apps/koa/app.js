const Koa = require('koa');
const Router = require('@koa/router');
const { bodyParser } = require('@koa/bodyparser');

const app = new Koa();
const router = new Router();
const notes = new Map();
let lastId = 0;

router.get('/', (ctx) => {
  ctx.body = `${notes.size} notes\n`;
});

router.get('/notes/:id', (ctx) => {
  const note = notes.get(Number(ctx.params.id));
  ctx.assert(note, 404, 'No such note');
  ctx.body = note;
});

router.post('/notes', (ctx) => {
  const note = { id: ++lastId, text: ctx.request.body.text };
  notes.set(note.id, note);
  ctx.status = 201;
  ctx.body = note;
});

app.use(async (ctx, next) => {
  const start = Date.now();
  await next();
  ctx.set('X-Response-Time', `${Date.now() - start}ms`);
});
app.use(bodyParser());
app.use(router.routes());
app.use(router.allowedMethods());

app.listen(process.env.PORT || 3000);
