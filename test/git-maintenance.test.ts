/** What a repository does by itself, by its alarm: it repacks, and collects what nobody claims. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendPart } from './git-host/send-part.ts';
import { type GitHost, startGitHost } from './git-host/start.ts';
import { WorkingCopy } from './git-host/working-copy.ts';

let host: GitHost;

beforeAll(async () => {
  host = await startGitHost({
    repackAt: 4,
    repackDelayMs: 2_000,
    garbageMs: 2_000,
    replacedMs: 1_000,
    receivingMs: 20_000,
  });
});

afterAll(() => host?.destroy());

/** How long the alarms may take on a busy machine, in ms. */
const PATIENCE = { timeout: 180_000, interval: 200 };

const packs = async (app: string): Promise<string[]> => {
  const keys = (await (await fetch(`${host.url}/${app}.git/keys`)).json()) as { key: string }[];
  return keys.map(({ key }) => key).filter((key) => key.endsWith('.pack'));
};

const isWriting = async (app: string) => (await fetch(`${host.url}/${app}.git/writing`)).json();

/** Pushes as many commits as make packs that are to be repacked, each with a file of `size` bytes. */
async function pushes(work: WorkingCopy, app: string, size = 2_000_000): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await work.write({ [`${i}.bin`]: randomBytes(size), changing: 'line\n'.repeat(5_000 + i) });
    await work.commit(`Change ${i}`);
    await work.ok('push', '--quiet', '--force', `${host.url}/${app}.git`, 'main');
  }
}

it('makes one pack of many after pushes, and deletes the others in their time', async () => {
  const work = await WorkingCopy.empty();
  await pushes(work, 'quiet');
  const before = await packs('quiet');
  await expect.poll(() => packs('quiet'), PATIENCE).toHaveLength(1);
  expect(before).not.toContain((await packs('quiet'))[0]);
  // One pack and its index, and no parts of an upload.
  await expect.poll(() => host.storedParts(), PATIENCE).toBe(await partsOf('quiet'));
  await work.expectSameAs(await WorkingCopy.clone(`${host.url}/quiet.git`));
});

it('loses nothing when the process is killed in the middle of a repack and a push, and does the repack afterwards', async () => {
  const url = () => `${host.url}/killed.git`;
  const work = await WorkingCopy.empty();
  const others = await host.storedParts();
  const socket = sendPart(`${host.url}/cut.git`);
  await expect.poll(() => host.storedParts(), PATIENCE).toBeGreaterThan(others);
  await pushes(work, 'killed', 12_000_000);
  const before = await packs('killed');
  expect(before.length).toBeGreaterThan(1);
  await expect.poll(() => isWriting('killed'), { timeout: 60_000, interval: 5 }).toBe(true);
  await host.kill();
  socket.destroy();
  await host.restart();
  await work.expectSameAs(await WorkingCopy.clone(url()));
  await expect.poll(() => packs('killed'), PATIENCE).toHaveLength(1);
  expect(before).not.toContain((await packs('killed'))[0]);
  await expect.poll(() => host.storedParts(), PATIENCE).toBe(others + (await partsOf('killed')));
  await work.expectSameAs(await WorkingCopy.clone(url()));
  await pushes(work, 'killed');
  await work.expectSameAs(await WorkingCopy.clone(url()));
});

/** In how many parts a pack and its index are stored: of 5 MiB. */
async function partsOf(app: string): Promise<number> {
  const keys = (await (await fetch(`${host.url}/${app}.git/keys`)).json()) as { size: number }[];
  return keys.reduce((parts, { size }) => parts + Math.ceil(size / (5 * 1024 * 1024)), 0);
}
