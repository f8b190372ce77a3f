import { expect, it } from 'vitest';
import { type Answered, Link } from './link.ts';
import { type AnswerHead, encodeAnswers, type Order } from './protocol.ts';

/** A link to a stand-in for an instance, which answers each message of orders with what `answer` makes of it. */
async function linked(answer: (orders: Order[]) => AnswerHead[], fetchMs?: number) {
  const messages: Order[][] = [];
  const instance = {
    async fetch(url: string) {
      if (url !== 'http://host/') return new Response(`the stream of ${url}`);
      const { 0: theirs, 1: ours } = new WebSocketPair();
      ours.accept();
      ours.addEventListener('message', ({ data }) => {
        const orders: Order[] = JSON.parse(data as string);
        messages.push(orders);
        const heads = answer(orders);
        if (heads.length > 0) ours.send(encodeAnswers(heads, []));
      });
      return new Response(null, { status: 101, webSocket: theirs });
    },
  } as unknown as Fetcher;
  const link = await Link.open(instance, { host: 'host', onPassed: () => {}, fetchMs });
  const ask = (path: string) =>
    new Promise<Answered>((resolve) => link.ask({ method: 'GET', path, headers: {} }, resolve));
  return { link, instance, messages, ask };
}

const ids = (orders: Order[]): number[] => orders.map(([id]) => id);

it('hands over in one message what comes in one turn', async () => {
  const { messages, ask, link } = await linked((orders) => ids(orders).map((id) => [id, 200, `${id}`, {}, -1]));
  const answers = await Promise.all(['/a', '/b', '/c'].map(ask));
  expect(answers.map((answer) => 'statusText' in answer && answer.statusText)).toEqual(['1', '2', '3']);
  expect(messages).toHaveLength(1);
  link.close();
});

it('offers a stream until it is fetched', async () => {
  const { link, instance, ask } = await linked((orders) => ids(orders).map((id) => [id, 'stream']));
  const answered = await ask('/');
  expect(answered).toEqual({ stream: 'http://host/1' });
  expect(link.has('http://host/1')).toBe(true);
  expect(await (await link.fetch(instance, 'http://host/1')).text()).toBe('the stream of http://host/1');
  expect(link.has('http://host/1')).toBe(false);
  link.close();
});

it('tells the instance of a stream that nobody fetches', async () => {
  const { link, messages, ask } = await linked(
    (orders) => orders.filter(({ length }) => length > 1).map(([id]) => [id, 'stream']),
    20,
  );
  await ask('/');
  await expect.poll(() => messages.at(-1)).toEqual([[1]]);
  expect(link.has('http://host/1')).toBe(false);
  link.close();
});

it('wants no stream of a request that was forgotten', async () => {
  const { link, messages } = await linked((orders) =>
    orders.filter(({ length }) => length > 1).map(([id]) => [id, 'stream']),
  );
  link.ask({ method: 'GET', path: '/', headers: {} }, () => expect.unreachable())();
  await expect.poll(() => messages.at(-1)).toEqual([[1]]);
  link.close();
});
