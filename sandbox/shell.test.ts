import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from './index.ts';
import { files, runLine } from './testing.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

test('tests with brackets', async () => {
  const { stdout, stderr } = await runLine(
    sandbox,
    '[ -d /app ] && echo there; if [ a = b ]; then echo no; else echo other; fi',
  );
  expect({ stdout, stderr }).toEqual({ stdout: 'there\nother\n', stderr: '' });
});

test('scripts that read functions from another file', async () => {
  await sandbox.writeEntries(
    files({
      'lib.sh': 'count() { echo "$#: $*"; }\nset_name() { NAME=$1; }\nfail() { return 5; }\n',
      'main.sh': `set -e
source "$(dirname "$0")/lib.sh"
count "one word" two ""
set_name Ada
WHO=$NAME node -p 'process.env.WHO'
echo "in a variable: $(count three)"
count four | tr f F
missing || echo "status $?"
fail
echo never
`,
    }),
  );
  const { exit, stdout, stderr } = await runLine(sandbox, 'sh /app/main.sh');
  expect(stderr).toContain('missing: command not found');
  expect(stdout.split('\n').sort()).toEqual(
    ['3: one word two ', 'Ada', 'in a variable: 1: three', '1: Four', 'status 127', ''].sort(),
  );
  expect(exit.exitCode).toBe(5);
});
