import { expect, test } from 'vitest';
import type { Child } from '../../sandbox/index.ts';
import { LineTerminal } from './terminal.ts';

/** A terminal between a client and a command that are recorded. */
function between({ tty }: { tty: boolean }) {
  const seen = { screen: '', stdin: '', ended: false, signals: [] as string[], hungUp: false };
  let type: (text: string) => void = () => {};
  let go: () => void = () => {};
  const terminal = new LineTerminal(
    {
      write: (text) => {
        seen.screen += text;
      },
      end: () => go(),
      onData: (listener) => {
        type = listener;
      },
      onClose: (listener) => {
        go = listener;
      },
    },
    {
      tty,
      hangUp: () => {
        seen.hungUp = true;
      },
    },
  );
  const child: Child = {
    writeStdin: (chunk) => {
      seen.stdin += chunk;
    },
    endStdin: () => {
      seen.ended = true;
    },
    kill: (signal = 'SIGTERM') => void seen.signals.push(signal),
    exited: new Promise(() => {}),
  };
  return { seen, terminal, child, type: (text: string) => type(text), go: () => go() };
}

test('a terminal shows a line, edits it, and passes it on at its end', () => {
  const { seen, terminal, child, type } = between({ tty: true });
  terminal.connect(child);
  type('lx\x7fs');
  expect(seen).toMatchObject({ screen: 'lx\b \bs', stdin: '' });
  type('\x1b[A\r');
  expect(seen).toMatchObject({ screen: 'lx\b \bs\r\n', stdin: 'ls\n' });
  type('wrong\x15right\r');
  expect(seen.stdin).toBe('ls\nright\n');
});

test('a terminal interrupts, and ends the input where a line begins', () => {
  const { seen, terminal, child, type } = between({ tty: true });
  terminal.connect(child);
  type('half\x03');
  expect(seen).toMatchObject({ signals: ['SIGINT'], stdin: '', screen: 'half^C\r\n' });
  type('ab\x04');
  expect(seen).toMatchObject({ stdin: 'ab', ended: false });
  type('\x04');
  expect(seen.ended).toBe(true);
});

test('what is typed before the command runs is not lost', () => {
  const { seen, terminal, child, type } = between({ tty: true });
  type('early\r');
  terminal.connect(child);
  expect(seen.stdin).toBe('early\n');
});

test('a pipe passes everything as it is, but for the mark of its end', () => {
  const { seen, terminal, child, type } = between({ tty: false });
  terminal.connect(child);
  terminal.write('a\nb\n');
  type('one\x7f\r\n');
  expect(seen).toMatchObject({ screen: 'a\nb\n', stdin: 'one\x7f\r\n', ended: false });
  type('\x04');
  expect(seen.ended).toBe(true);
});

test('a client that goes hangs up, unless the command has ended', () => {
  const early = between({ tty: true });
  early.go();
  expect(early.seen.hungUp).toBe(true);
  const late = between({ tty: true });
  late.terminal.end(undefined);
  expect(late.seen.hungUp).toBe(false);
});
