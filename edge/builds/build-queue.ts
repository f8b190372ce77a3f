import { DurableObject } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { type BuildEvent, type BuildResult, buildEvent } from '../../schema/build.ts';
import { apps, builds, slugs } from '../../schema/tables.ts';
import type { Env } from '../env.ts';
import { writeLog } from '../logs/write.ts';
import { concludeSetup } from '../platform/app-setups.ts';
import { database, now } from '../platform/database.ts';
import { type OneOffRequest, runReleasePhase } from '../platform/one-offs.ts';
import { createRelease, currentRelease, type Release, ReleaseFailed, releaseConfig } from '../platform/releases.ts';
import { appUrl } from '../platform/urls.ts';
import { publishBuild } from '../webhooks/publish.ts';
import { BuildOutput } from './build-output.ts';
import { type BuildRequest, describeRelease, orderOf, versionOf } from './build-request.ts';
import { jsonLines } from './json-lines.ts';

export type BuildOutcome =
  | { status: 'succeeded'; version: number }
  /** One sentence. */
  | { status: 'failed'; reason: string };

/** A build that took the platform down this often is not tried again. */
const MAX_ATTEMPTS = 3;

/** How often a release is tried whose slug is built, and how long after each failure. The refs may have moved already. */
const MAX_RELEASE_TRIES = 30;
const RELEASE_RETRY_MS = 1_000;

/** How long a build waits for a builder that does not answer: it may be starting again. */
const BUILDER_PATIENCE_MS = 30_000;

/** What Heroku says of it in the output of a push ("Release Phase"), and then that it begins. */
const DECLARED = ` !     Release command declared: this new release will not be available until the command succeeds.

Running release command...

`;

type Row = { id: string; request: string; attempts: number; cancelled: number };

type BuiltSlug = Extract<BuildResult, { status: 'succeeded' }>['slug'];

/**
 * The builds of one app, one after the other. A build is in the table from the moment it is accepted until it has an
 * outcome; whatever stops the edge in between, `resume` or the alarm finds it there and does it again. Every step after
 * the build itself may be repeated.
 */
export class BuildQueue extends DurableObject<Env> {
  readonly #output: BuildOutput;
  readonly #outcomes = new Map<string, PromiseWithResolvers<BuildOutcome>>();
  /** Cancelled builds on their way to their end. */
  readonly #ending = new Map<string, Promise<void>>();
  #working: Promise<void> | undefined;
  /** Stops all that the queue does. */
  #stop = new AbortController();
  /** The build that a builder has now. */
  #building: { id: string; cancel: AbortController } | undefined;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#createTable();
    this.#output = new BuildOutput(state.storage.sql, (id) => {
      const [pending] = state.storage.sql.exec('SELECT 1 FROM builds WHERE id = ? AND outcome IS NULL', id);
      return pending !== undefined;
    });
  }

  /** Accepts a build; when this returns, it will be done whatever happens. */
  async enqueue(request: BuildRequest): Promise<void> {
    this.ctx.storage.sql.exec('INSERT INTO builds (id, request) VALUES (?, ?)', request.id, JSON.stringify(request));
    await this.#record(request);
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** Goes on with what a stop of the edge interrupted. */
  async resume(): Promise<void> {
    const [waiting] = this.ctx.storage.sql.exec('SELECT 1 FROM builds WHERE outcome IS NULL LIMIT 1');
    if (waiting) await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
    await this.#working;
  }

  /** The output of a build from its beginning, as it comes, until the build ends. */
  output(id: string): ReadableStream<Uint8Array> {
    return this.#output.read(id);
  }

  /** How a build ended, once it has. */
  async outcome(id: string): Promise<BuildOutcome> {
    const row = this.ctx.storage.sql
      .exec<{ outcome: string | null }>('SELECT outcome FROM builds WHERE id = ?', id)
      .toArray()[0];
    if (!row) throw new Error(`No build ${id} in this queue.`);
    if (row.outcome) return JSON.parse(row.outcome);
    return this.#outcomeOf(id).promise;
  }

  /**
   * Cancels a build that waits or runs.
   * @returns false when it has ended, or is built and about to be released
   */
  async cancel(id: string): Promise<boolean> {
    const row = this.ctx.storage.sql
      .exec<Row>(
        'UPDATE builds SET cancelled = 1 WHERE id = ? AND outcome IS NULL AND result IS NULL RETURNING id, request, attempts, cancelled',
        id,
      )
      .toArray()[0];
    if (!row) return false;
    if (this.#building?.id === id) {
      this.#building.cancel.abort();
      await this.outcome(id);
    } else {
      await this.#endCancelled(JSON.parse(row.request));
    }
    return true;
  }

  /** The output of a release phase from its beginning, as it comes, until it ends. */
  releaseOutput(id: string): ReadableStream<Uint8Array> {
    return this.#output.read(id);
  }

  /**
   * Runs the command of a release phase. What it prints is the output of its release, and of the build that made it.
   * @returns its exit status, and why the platform ended it if it did
   */
  async runReleasePhase(request: OneOffRequest, buildId: string | null): Promise<{ status: number; reason?: string }> {
    const { id } = request.release;
    const say = (text: string) => {
      this.#say(id, text);
      if (buildId) this.#say(buildId, text);
    };
    if (buildId) this.#say(buildId, DECLARED);
    say('');
    try {
      const ended = await runReleasePhase(this.env, request, { onOutput: say, signal: this.#stop.signal });
      if (buildId) this.#say(buildId, '\n');
      return ended;
    } catch (error) {
      console.error(`The release command of ${request.app.name} broke off:`, error);
      return { status: 1, reason: 'it was interrupted' };
    } finally {
      this.#output.end(id);
    }
  }

  /** Stops what runs and forgets everything. */
  async destroy(): Promise<void> {
    this.#stop.abort();
    await this.#working?.catch(() => undefined);
    this.#stop = new AbortController();
    this.#output.endAll();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#createTable();
    this.#output.createTable();
  }

  #createTable(): void {
    this.ctx.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS builds (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, request TEXT NOT NULL,
         attempts INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0, result TEXT, outcome TEXT
       )`,
    );
  }

  #outcomeOf(id: string): PromiseWithResolvers<BuildOutcome> {
    const known = this.#outcomes.get(id);
    if (known) return known;
    const made = Promise.withResolvers<BuildOutcome>();
    this.#outcomes.set(id, made);
    return made;
  }

  async #work(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const row = this.ctx.storage.sql
        .exec<Row>('SELECT id, request, attempts, cancelled FROM builds WHERE outcome IS NULL ORDER BY seq LIMIT 1')
        .toArray()[0];
      if (!row) return;
      const request: BuildRequest = JSON.parse(row.request);
      if (row.cancelled) await this.#endCancelled(request);
      else await this.#run(request, row.attempts);
    }
  }

  async #run(request: BuildRequest, attempts: number): Promise<void> {
    const cancel = new AbortController();
    this.#building = { id: request.id, cancel };
    const outcome = await this.#settle(request, attempts);
    this.#building = undefined;
    if (cancel.signal.aborted) await this.#endCancelled(request);
    else await this.#conclude(request, outcome);
  }

  #endCancelled(request: BuildRequest): Promise<void> {
    const known = this.#ending.get(request.id);
    if (known) return known;
    const ending = this.#conclude(request, this.#fail(request.id, 'The build was cancelled.')).finally(() =>
      this.#ending.delete(request.id),
    );
    this.#ending.set(request.id, ending);
    return ending;
  }

  /** Whether the build that runs is to end, because someone asked so or the whole queue ends. */
  #isStopped(): boolean {
    return this.#stop.signal.aborted || this.#building?.cancel.signal.aborted === true;
  }

  /** An outcome, whatever happens. A slug that is there is released even if that takes a few tries. */
  async #settle(request: BuildRequest, attempts: number): Promise<BuildOutcome> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#attempt(request, attempts);
      } catch (error) {
        if (this.#isStopped()) return { status: 'failed', reason: 'The build was cancelled.' };
        console.error(`Build ${request.id} ended in an error:`, error);
        const retry = tries < MAX_RELEASE_TRIES && this.#storedResult(request.id);
        if (!retry) {
          return this.#fail(
            request.id,
            'The platform failed to finish this build; its operator finds the error in the log.',
          );
        }
        await scheduler.wait(RELEASE_RETRY_MS);
      }
    }
  }

  async #attempt(request: BuildRequest, attempts: number): Promise<BuildOutcome> {
    const { sql } = this.ctx.storage;
    await this.#record(request);
    let result = this.#storedResult(request.id);
    for (let attempt = attempts + 1; !result; attempt++) {
      if (attempt > MAX_ATTEMPTS) {
        return this.#fail(request.id, `The build was interrupted ${MAX_ATTEMPTS} times; it is not tried again.`);
      }
      sql.exec('UPDATE builds SET attempts = ? WHERE id = ?', attempt, request.id);
      if (attempt > 1) this.#say(request.id, '-----> The build was interrupted and starts again\n');
      result = await this.#build(request);
    }
    // From here on it is too late to cancel it.
    if (this.#isStopped()) throw new Error('The build was cancelled.');
    sql.exec('UPDATE builds SET result = ? WHERE id = ?', JSON.stringify(result), request.id);
    return result.status === 'succeeded' ? this.#release(request, result) : { status: 'failed', reason: result.reason };
  }

  #storedResult(id: string): BuildResult | undefined {
    const row = this.ctx.storage.sql
      .exec<{ result: string | null }>('SELECT result FROM builds WHERE id = ?', id)
      .toArray()[0];
    return row?.result ? JSON.parse(row.result) : undefined;
  }

  /** Has a builder build it; its output goes to whoever reads along. Undefined when the builder died on it. */
  async #build(request: BuildRequest): Promise<BuildResult | undefined> {
    const response = await this.#callBuilder(request);
    if (!response?.body) {
      return { type: 'result', ...this.#fail(request.id, 'No builder could be reached. Push again in a moment.') };
    }
    try {
      return await this.#follow(request, response.body);
    } catch (error) {
      if (this.#isStopped()) throw error;
      console.error(`The builder broke off build ${request.id}:`, error);
      return undefined;
    }
  }

  async #follow({ id, app }: BuildRequest, events: ReadableStream<Uint8Array>): Promise<BuildResult | undefined> {
    const phases: string[] = [];
    for await (const value of jsonLines(events)) {
      const event: BuildEvent = buildEvent.parse(value);
      if (event.type === 'output') this.#say(id, event.text);
      if (event.type === 'phase') phases.push(`${event.phase}=${Math.round(event.ms)}ms`);
      if (event.type === 'result') {
        const text = `Build ${event.status} ${phases.join(' ')}`;
        await writeLog(this.env, app.id, { source: 'heroku', dyno: 'build', text });
        return event;
      }
    }
    return undefined;
  }

  async #callBuilder(request: BuildRequest): Promise<Response | undefined> {
    const db = database(this.env.DB);
    const config = await releaseConfig(this.env, await currentRelease(db, request.app.id));
    const order = orderOf(request, { edgeUrl: this.env.EDGE_URL, config });
    const deadline = Date.now() + BUILDER_PATIENCE_MS;
    for (;;) {
      try {
        const response = await fetch(`${this.env.BUILDER_URL}/builds`, {
          method: 'POST',
          headers: { authorization: `Bearer ${this.env.INTERNAL_SECRET}`, 'content-type': 'application/json' },
          body: JSON.stringify(order),
          signal: AbortSignal.any([this.#stop.signal, ...(this.#building ? [this.#building.cancel.signal] : [])]),
        });
        if (response.ok) return response;
        console.error(`The builder refused build ${request.id}: ${response.status} ${await response.text()}`);
      } catch (error) {
        if (this.#isStopped()) throw error;
      }
      if (Date.now() > deadline) return undefined;
      await scheduler.wait(250);
    }
  }

  /** From a slug to a live release: the refs move, the release is recorded, the runners serve it. */
  async #release(
    request: BuildRequest,
    { slug }: Extract<BuildResult, { status: 'succeeded' }>,
  ): Promise<BuildOutcome> {
    const { app } = request;
    this.#say(request.id, '-----> Launching...\n');
    let release: Release;
    try {
      release = await this.#createRelease(request, slug);
    } catch (error) {
      if (error instanceof ReleaseFailed) return this.#fail(request.id, error.message);
      throw error;
    }
    const db = database(this.env.DB);
    await db.update(builds).set({ slugId: release.slugId }).where(eq(builds.id, request.id));
    // The app may have been renamed since the push.
    const name = (await db.query.apps.findFirst({ where: eq(apps.id, app.id) }))?.name ?? app.name;
    this.#say(
      request.id,
      `       Released v${release.version}\n       ${appUrl(this.env, name)} deployed to Islet\n\nVerifying deploy... done.\n`,
    );
    return { status: 'succeeded', version: release.version };
  }

  async #createRelease(request: BuildRequest, slug: BuiltSlug): Promise<Release> {
    const { source } = request;
    const made = {
      appId: request.app.id,
      userId: request.userId,
      description: describeRelease(request),
      buildId: request.id,
      beforeLive: () => this.#commitPush(request),
    };
    const { sha256, size, language, processTypes } = slug;
    if (source.type !== 'slug') {
      const commit = versionOf(request);
      return createRelease(this.env, {
        ...made,
        slug: { sha256, size, commit, commitDescription: null, language, processTypes, checksum: null },
      });
    }
    const { id } = source;
    await database(this.env.DB).update(slugs).set({ sha256, size, language }).where(eq(slugs.id, id));
    return createRelease(this.env, { ...made, slugId: id });
  }

  /**
   * Moves the refs of a push. Done again, it changes nothing.
   * @throws ReleaseFailed when others have moved them
   */
  async #commitPush({ app, source }: BuildRequest): Promise<void> {
    if (source.type !== 'push') return;
    const moved = await this.env.REPOSITORY.get(this.env.REPOSITORY.idFromName(app.id)).commitPush(source.pushId);
    if (moved.ok) return;
    const [rejected] = moved.rejected;
    const why = rejected ? `${rejected.ref} ${rejected.reason}` : 'it is not there any more';
    throw new ReleaseFailed(`The push was overtaken: ${why}. Fetch and push again.`);
  }

  async #conclude(request: BuildRequest, outcome: BuildOutcome): Promise<void> {
    const { id, app, source } = request;
    const reason = outcome.status === 'failed' ? outcome.reason : null;
    const [build] = await database(this.env.DB)
      .update(builds)
      .set({ status: outcome.status, reason, updatedAt: now() })
      .where(eq(builds.id, id))
      .returning();
    if (build) await publishBuild(this.env, build, 'update');
    if (outcome.status === 'failed' && source.type === 'push') {
      await this.env.REPOSITORY.get(this.env.REPOSITORY.idFromName(app.id)).abandonPush(source.pushId);
    }
    await concludeSetup(this.env, id, {
      failure: reason,
      onOutput: (text) => this.#say(id, text),
      signal: this.#stop.signal,
    });
    this.ctx.storage.sql.exec('UPDATE builds SET outcome = ? WHERE id = ?', JSON.stringify(outcome), id);
    this.#output.end(id);
    this.#outcomeOf(id).resolve(outcome);
    this.#outcomes.delete(id);
  }

  /** The build in D1, where the API lists it; written again when a stop came between the two. */
  async #record(request: BuildRequest): Promise<void> {
    const { id, app, userId, source, buildpacks } = request;
    const createdAt = now();
    await database(this.env.DB)
      .insert(builds)
      .values({
        id,
        appId: app.id,
        userId,
        status: 'pending',
        kind: source.type === 'slug' ? 'slug' : 'source',
        sourceUrl: source.type === 'blob' ? source.url : null,
        checksum: source.type === 'push' ? null : source.checksum,
        buildpacks,
        commit: versionOf(request),
        commitSubject: source.type === 'push' ? source.subject : source.description,
        createdAt,
        updatedAt: createdAt,
      })
      .onConflictDoNothing();
  }

  #say(id: string, text: string): void {
    this.#output.append(id, text);
  }

  #fail(id: string, reason: string): { status: 'failed'; reason: string } {
    this.#say(id, `\n !     ${reason}\n`);
    return { status: 'failed', reason };
  }
}
