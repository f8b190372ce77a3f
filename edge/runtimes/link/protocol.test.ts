import { expect, it } from 'vitest';
import { type AnswerHead, decodeAnswers, encodeAnswers, NO_BODY } from './protocol.ts';

it('reads what it has written', () => {
  const heads: AnswerHead[] = [
    [1, 200, 'OK', { 'Content-Type': 'text/plain', 'Set-Cookie': ['a=é', 'b=2'] }, 5],
    [7, 'stream'],
    [2, 304, 'Not Modified', {}, NO_BODY],
    [3, 'failed'],
    [4, 404, 'Not Found', {}, 0],
    [5, 200, 'OK', {}, 2],
  ];
  const bodies = [new TextEncoder().encode('hello'), new Uint8Array(), new Uint8Array([0, 255])];
  expect([...decodeAnswers(encodeAnswers(heads, bodies).buffer)]).toEqual([
    [
      1,
      {
        status: 200,
        statusText: 'OK',
        headers: { 'Content-Type': 'text/plain', 'Set-Cookie': ['a=é', 'b=2'] },
        body: new TextEncoder().encode('hello'),
      },
    ],
    [7, 'stream'],
    [2, { status: 304, statusText: 'Not Modified', headers: {}, body: null }],
    [3, 'failed'],
    [4, { status: 404, statusText: 'Not Found', headers: {}, body: new Uint8Array() }],
    [5, { status: 200, statusText: 'OK', headers: {}, body: new Uint8Array([0, 255]) }],
  ]);
});
