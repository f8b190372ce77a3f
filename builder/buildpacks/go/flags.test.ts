import { expect, it } from 'vitest';
import { linkerFlags } from './flags.ts';

it('gives the linker what config vars say', () => {
  expect(linkerFlags({})).toEqual([]);
  expect(linkerFlags({ GO_LINKER_SYMBOL: 'main.version', GO_LINKER_VALUE: 'a b' })).toEqual(['-X=main.version=a b']);
  const GOFLAGS = `-tags=x '-ldflags=-X main.a=1 -X "main.b=2 3"' -trimpath`;
  expect(linkerFlags({ GOFLAGS })).toEqual(['-X', 'main.a=1', '-X', 'main.b=2 3']);
});
