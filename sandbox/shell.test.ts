import { packTar } from 'modern-tar';
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

test('assignments succeed, whatever failed before', async () => {
  const line = 'set -e; [ -f none ] && x=1; x=2; [ -f none ] && x=3; x=$((x + 1)); false || y="$x!"; echo "$y $?"';
  const { stdout } = await runLine(sandbox, `${line}; x=$?; echo $x; x=$(exit 3); echo never`);
  expect(stdout).toBe('3! 0\n0\n');
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
  expect(stdout).toBe('3: one word two \nAda\nin a variable: 1: three\n1: Four\nstatus 127\n');
  expect(exit.exitCode).toBe(5);
});

test('functions print when they are called, and only where they are asked to', async () => {
  const script = `step() { echo "-----> $*"; LAST=$1; }
step One
node -p 2
printf '%s\\n' three
x=$(step Four)
step Five | tr F f
step Six > six.txt
echo "$x, $LAST, $(cat six.txt)"
`;
  await sandbox.writeEntries(files({ 'steps.sh': script }));
  const { stdout } = await runLine(sandbox, 'sh steps.sh');
  expect(stdout).toBe('-----> One\n2\nthree\n-----> five\n-----> Four, Six, -----> Six\n');
});

test('options that buildpacks use', async () => {
  const line = "echo one | sed -u 's/^/  /'; echo a b | xargs -n1 echo; trap 'rm -f x' EXIT; echo end";
  const { stdout, stderr } = await runLine(sandbox, line);
  expect({ stdout, stderr }).toEqual({ stdout: '  one\na\nb\nend\n', stderr: '' });
});

test('commands pass bytes on as they are', async () => {
  await sandbox.writeEntries(files({ bytes: Uint8Array.from([0x1f, 0x8b, 0xff, 0, 0xe9]), text: 'é\n' }));
  const line = "cat bytes > copy; cmp() { node -p \"require('fs').readFileSync('$1').toString('hex')\"; }; cmp copy";
  const { stdout } = await runLine(
    sandbox,
    `${line}; cat bytes | wc -c; cat text; cat text | wc -c; head -c 2 bytes | wc -c`,
  );
  expect(stdout.split(/\s+/)).toEqual(['1f8bff00e9', '5', 'é', '3', '2', '']);
});

test('tar packs and unpacks, gzipped and not, from files and pipes', async () => {
  const script = `set -e
mkdir -p tree/bin out piped
echo text > tree/a.txt
printf 'run' > tree/bin/run
chmod 755 tree/bin/run
ln -s a.txt tree/link
tar czf tree.tgz --exclude a.txt.bak -C tree .
tar tzf tree.tgz | sort | xargs echo
tar xzf tree.tgz -C out
cat out/link out/bin/run; echo
tar -cf - tree | tar -x -C piped --strip-components=1 -f - tree/bin
ls piped piped/bin | xargs echo
tar xf none.tgz || echo "status $?"
tar xjf tree.tgz || echo "status $?"
`;
  await sandbox.writeEntries(files({ 'pack.sh': script }));
  const { exit, stdout, stderr } = await runLine(sandbox, 'sh pack.sh');
  expect(stdout).toBe('./ ./a.txt ./bin/ ./bin/run ./link\ntext\nrun\npiped: bin piped/bin: run\nstatus 2\nstatus 2\n');
  expect(stderr).toContain('tar: -j is not supported: gzip is');
  expect(exit.exitCode).toBe(0);
});

test('tar leaves its directory for no archive', async () => {
  const climbing = await packTar([{ header: { name: '../evil', size: 1 }, body: 'x' }]);
  await sandbox.writeEntries(files({ 'evil.tar': climbing }));
  const { exit, stderr } = await runLine(sandbox, 'mkdir -p inner && tar xf evil.tar -C inner');
  expect(exit.exitCode).toBe(2);
  expect(stderr).toBe("tar: ../evil: Member name contains '..'\n");
});

test('scripts whose interpreter is a script itself, by its path or on PATH', async () => {
  await sandbox.writeEntries([
    ...files({ interpreter: '#!/usr/bin/env node\nconsole.log(process.argv.slice(2).join(" "));\n' }),
    ...files({ 'by-path': '#!/app/interpreter -v\n', 'by-name': '#!/usr/bin/env interpreter\n' }),
    ...files({ circle: '#!/app/circle\n' }),
  ]);
  const line = 'PATH=/app:$PATH; by-path one; ./by-name two; ./circle; echo "status $?"';
  const { stdout } = await runLine(sandbox, line);
  expect(stdout).toBe('-v /app/by-path one\n/app/by-name two\nstatus 127\n');
});
