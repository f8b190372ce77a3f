import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSnapshot } from '../../../edge/runtimes/python/adapter/snapshot.ts';
import { temporaryDirectory } from '../../testing.ts';
import type { BuildContext } from '../buildpack.ts';
import { packagesSnapshot } from './packages.ts';
import { SITE_PACKAGES } from './pip.ts';

const PATIENCE = 120_000;

/** Takes the memory of an app that is `app.py`, with a package of these modules. */
async function take(packages: Record<string, string>, app: string) {
  const tree = temporaryDirectory();
  const files = Object.entries(packages).map(([name, text]) => [`${SITE_PACKAGES}/${name}.py`, text] as const);
  for (const [path, text] of [...files, ['app.py', app] as const]) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  const lines: string[] = [];
  const context = {
    tree,
    config: { GREETING: 'a secret of the app' },
    cache,
    signal: new AbortController().signal,
    log: { detail: (line: string) => lines.push(line) },
    phase: (_: string, work: () => Promise<unknown>) => work(),
  } as unknown as BuildContext;
  const start = { kind: 'application', module: 'app', object: 'app', interface: 'wsgi', directory: '' } as const;
  return { memory: await packagesSnapshot(start, context), lines };
}

/** Of all tests here, as the memory of the engine itself takes seconds. */
const cache = mkdtempSync(join(tmpdir(), 'islet-python-'));
afterAll(() => rm(cache, { recursive: true }));

describe('packagesSnapshot', { timeout: PATIENCE }, () => {
  it('keeps what packages read of the environment, no config var, and the same bytes each time', async () => {
    const packages = { greeter: "import os\nGREETING = os.environ.get('GREETING')\n" };
    const app = "import os, greeter\nSECRET = os.environ['GREETING']\napp = None\n";
    const [first, second] = [await take(packages, app), await take(packages, app)];
    expect(first.lines.join()).toMatch(/^Imported \d+ modules ahead/);
    const bytes = new Uint8Array(first.memory ?? []);
    expect(readSnapshot(bytes.buffer)?.about.environment).toEqual({ GREETING: null });
    expect(Buffer.from(bytes).includes('a secret of the app')).toBe(false);
    expect(Buffer.compare(bytes, second.memory ?? new Uint8Array())).toBe(0);
  });

  it.each([
    ['import random\nNUMBER = random.random()\n', 'dice draws random numbers as it is imported'],
    ['import time\nNOW = time.time()\n', 'dice reads the clock as it is imported'],
    ['import os\nALL = dict(os.environ)\n', 'a package reads the whole environment as it is imported'],
    ["open('/tmp/mark', 'w').close()\n", 'a package writes /tmp/mark as it is imported'],
    ["FILE = open('/tmp/app/app.py')\n", 'a package keeps /tmp/app/app.py open'],
  ])('takes no memory of %j', async (dice, reason) => {
    const { memory, lines } = await take({ dice }, 'import dice\napp = None\n');
    expect(lines).toEqual([`The app's packages are imported when it starts, not ahead: ${reason}.`]);
    expect(memory).toBeUndefined();
  });

  it('says nothing of an app without packages', async () => {
    expect(await take({}, 'app = None\n')).toEqual({ memory: undefined, lines: [] });
  });
});
