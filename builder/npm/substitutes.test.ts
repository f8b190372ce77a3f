import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

const require = createRequire(import.meta.url);

it("says of sharp's binding what that says of itself, in the version that the machine has", () => {
  const binding = require('@img/sharp-wasm32/sharp.node');
  const facts = require('./substitutes/@img/sharp-wasm32/facts.json');
  expect(facts).toEqual({
    cache: binding.cache(),
    concurrency: binding.concurrency(),
    simd: binding.simd(),
    libvipsVersion: binding.libvipsVersion(),
    format: binding.format(),
  });
  expect(require('./substitutes/@img/sharp-wasm32/versions.json')).toEqual(require('@img/sharp-wasm32/versions'));
  const { version } = require('@img/sharp-wasm32/package');
  expect(readFileSync(new URL('wasm-builds.ts', import.meta.url), 'utf8')).toContain(`sharp: { version: '${version}'`);
});
