/** D1: what the platform knows of users, apps and what runs. Times are ISO 8601 strings in UTC; ids are UUIDs. */
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

const id = () => text('id').primaryKey();
const createdAt = () => text('created_at').notNull();
const updatedAt = () => text('updated_at').notNull();

export const users = sqliteTable('users', {
  id: id(),
  email: text('email').notNull().unique(),
  name: text('name'),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
  /** Set when they were let go: builds and releases still name them, and nothing lets them in. */
  deactivatedAt: text('deactivated_at'),
});

/** Heroku's OAuth scopes ("OAuth", "Scopes"). */
export const scopes = ['global', 'identity', 'read', 'write', 'read-protected', 'write-protected'] as const;
export type Scope = (typeof scopes)[number];

export const tokens = sqliteTable(
  'tokens',
  {
    id: id(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** SHA-256 of the token, lower-case hex: the token itself is nowhere. */
    hash: text('hash').notNull().unique(),
    description: text('description').notNull(),
    /** What it lets do; see edge/api/scopes.ts. */
    scope: text('scope', { mode: 'json' }).$type<Scope[]>().notNull(),
    createdAt: createdAt(),
    /** Null: never. */
    expiresAt: text('expires_at'),
  },
  (table) => [index('tokens_user').on(table.userId)],
);

export const apps = sqliteTable(
  'apps',
  {
    id: id(),
    name: text('name').notNull().unique(),
    ownerId: text('owner_id')
      .notNull()
      .references(() => users.id),
    maintenance: integer('maintenance', { mode: 'boolean' }).notNull().default(false),
    /** What the last build found: `Node.js`. */
    language: text('language'),
    /** Buildpacks that were set, in order: official names or URLs. */
    buildpacks: text('buildpacks', { mode: 'json' }).$type<string[]>().notNull().default([]),
    /** Counts the changes that a router must hear of; see schema/route.ts. */
    revision: integer('revision').notNull().default(0),
    /** The number of the runner that has it alone; see schema/route.ts. */
    runner: integer('runner'),
    halted: integer('halted', { mode: 'boolean' }).notNull().default(false),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    releasedAt: text('released_at'),
  },
  (table) => [index('apps_owner').on(table.ownerId)],
);

export const collaborators = sqliteTable(
  'collaborators',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('collaborators_app_user').on(table.appId, table.userId),
    index('collaborators_user').on(table.userId),
  ],
);

export const slugs = sqliteTable('slugs', {
  id: id(),
  appId: text('app_id')
    .notNull()
    .references(() => apps.id, { onDelete: 'cascade' }),
  /** Names the archive in R2: `slugs/<sha256>`. Null: it is to be made of an upload, `uploads/<app>/<id>`. */
  sha256: text('sha256'),
  /** Bytes. Null: nothing is uploaded yet. */
  size: integer('size'),
  /** Of an upload, as its maker gave it: `SHA256:<hex>`. */
  checksum: text('checksum'),
  commit: text('commit'),
  /** Of an upload, what its maker says of the commit. */
  commitDescription: text('commit_description'),
  /** What the build found, or the maker of an upload says: `Node.js`. */
  language: text('language'),
  /** Process type to command. */
  processTypes: text('process_types', { mode: 'json' }).$type<Record<string, string>>().notNull(),
  createdAt: createdAt(),
});

export const builds = sqliteTable(
  'builds',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    status: text('status', { enum: ['pending', 'succeeded', 'failed'] }).notNull(),
    /** What it was made from: a source, or an uploaded slug that was released (which Heroku does not count as a build). */
    kind: text('kind', { enum: ['source', 'slug'] }).notNull(),
    /** Where the source was said to be; null for a push. */
    sourceUrl: text('source_url'),
    /** Of the source's archive, as it was given: `SHA256:<hex>`. */
    checksum: text('checksum'),
    /** Official names or URLs, in order; empty where the source decides. */
    buildpacks: text('buildpacks', { mode: 'json' }).$type<string[]>().notNull(),
    /** A commit of a push, or what the person called the version. */
    commit: text('commit'),
    /** First line of the commit's message. */
    commitSubject: text('commit_subject'),
    slugId: text('slug_id').references(() => slugs.id),
    /** Why it failed, in one sentence. */
    reason: text('reason'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('builds_app').on(table.appId, table.createdAt), index('builds_status').on(table.status)],
);

export const releases = sqliteTable(
  'releases',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    version: integer('version').notNull(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    description: text('description').notNull(),
    slugId: text('slug_id').references(() => slugs.id),
    /** The build that made it: at most one release a build. */
    buildId: text('build_id').unique(),
    /** All config vars of the app as of this release: JSON, encrypted by edge/platform/secret-box.ts. */
    config: text('config').notNull(),
    /** Pending while its release phase runs. An app runs the newest that succeeded. */
    status: text('status', { enum: ['pending', 'succeeded', 'failed'] }).notNull(),
    /** What its release phase ran; null where it had none. */
    command: text('command'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('releases_version').on(table.appId, table.version),
    index('releases_status').on(table.status),
  ],
);

export const formation = sqliteTable(
  'formation',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    type: text('type').notNull(),
    command: text('command').notNull(),
    quantity: integer('quantity').notNull(),
    size: text('size').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [uniqueIndex('formation_type').on(table.appId, table.type)],
);

export const domains = sqliteTable(
  'domains',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    /** Lower case; a wildcard begins with `*.`. */
    hostname: text('hostname').notNull().unique(),
    createdAt: createdAt(),
  },
  (table) => [index('domains_app').on(table.appId)],
);

/** App features that were set, by their names in edge/platform/features.ts; one that is not here is as by default. */
export const features = sqliteTable(
  'features',
  {
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    enabled: integer('enabled', { mode: 'boolean' }).notNull(),
    updatedAt: updatedAt(),
  },
  (table) => [uniqueIndex('features_app_name').on(table.appId, table.name)],
);

export const pipelines = sqliteTable(
  'pipelines',
  {
    id: id(),
    name: text('name').notNull(),
    ownerId: text('owner_id')
      .notNull()
      .references(() => users.id),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [uniqueIndex('pipelines_owner_name').on(table.ownerId, table.name)],
);

/** Heroku's stages ("Pipelines"), in the order of promotion; review apps stand beside it. */
export const stages = ['test', 'review', 'development', 'staging', 'production'] as const;

export const pipelineCouplings = sqliteTable(
  'pipeline_couplings',
  {
    id: id(),
    pipelineId: text('pipeline_id')
      .notNull()
      .references(() => pipelines.id, { onDelete: 'cascade' }),
    /** An app is in one pipeline at most. */
    appId: text('app_id')
      .notNull()
      .unique()
      .references(() => apps.id, { onDelete: 'cascade' }),
    stage: text('stage', { enum: stages }).notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('pipeline_couplings_pipeline').on(table.pipelineId)],
);

/** One app that a slug was promoted to; those of one promotion share its id. */
export const promotionTargets = sqliteTable(
  'promotion_targets',
  {
    id: id(),
    promotionId: text('promotion_id').notNull(),
    pipelineId: text('pipeline_id')
      .notNull()
      .references(() => pipelines.id, { onDelete: 'cascade' }),
    sourceAppId: text('source_app_id').notNull(),
    sourceReleaseId: text('source_release_id').notNull(),
    appId: text('app_id').notNull(),
    /** What it made there; null where it failed, or is not done. */
    releaseId: text('release_id'),
    status: text('status', { enum: ['pending', 'succeeded', 'failed'] }).notNull(),
    /** Why it failed, in one sentence. */
    error: text('error'),
    createdAt: createdAt(),
  },
  (table) => [index('promotion_targets_promotion').on(table.promotionId)],
);

/** Apps that were set up by their source's app.json: with their first build, and what is done after it. */
export const appSetups = sqliteTable(
  'app_setups',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    buildId: text('build_id').notNull().unique(),
    status: text('status', { enum: ['pending', 'succeeded', 'failed'] }).notNull(),
    /** Why it failed, in one sentence. */
    failure: text('failure'),
    /** Process types to what app.json says of them. */
    formation: text('formation', { mode: 'json' })
      .$type<Record<string, { quantity?: number; size?: string }>>()
      .notNull(),
    /** The command that runs once the app is deployed. */
    postdeploy: text('postdeploy'),
    /** What it printed, and its exit status; null until it has ended. */
    output: text('output'),
    exitCode: integer('exit_code'),
    /** Where the person goes when it has succeeded: a URL, or a path of the app. */
    successUrl: text('success_url'),
    /** Of a review app: the pipeline that it is in, and what it is a review of. */
    pipelineId: text('pipeline_id').references(() => pipelines.id, { onDelete: 'cascade' }),
    branch: text('branch'),
    prNumber: integer('pr_number'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('app_setups_app').on(table.appId), index('app_setups_pipeline').on(table.pipelineId)],
);

/** Apps that their owners have offered to others. */
export const appTransfers = sqliteTable(
  'app_transfers',
  {
    id: id(),
    appId: text('app_id')
      .notNull()
      .references(() => apps.id, { onDelete: 'cascade' }),
    ownerId: text('owner_id')
      .notNull()
      .references(() => users.id),
    recipientId: text('recipient_id')
      .notNull()
      .references(() => users.id),
    state: text('state', { enum: ['pending', 'accepted', 'declined'] }).notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('app_transfers_app').on(table.appId)],
);

/** Changes that were asked for through the API and git; see edge/api/audit.ts. They outlast the users and apps they name. */
export const auditEvents = sqliteTable(
  'audit_events',
  {
    id: id(),
    createdAt: createdAt(),
    userId: text('user_id').notNull(),
    email: text('email').notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    /** As the path names it, by name or id. */
    app: text('app'),
    /** Names of the fields that were sent; never their values. */
    fields: text('fields', { mode: 'json' }).$type<string[]>().notNull(),
    /** Of the HTTP response. */
    status: integer('status').notNull(),
    address: text('address').notNull(),
  },
  (table) => [index('audit_events_created').on(table.createdAt), index('audit_events_app').on(table.app)],
);

/** Requests that a client may send again; see edge/api/idempotency.ts. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    userId: text('user_id').notNull(),
    key: text('key').notNull(),
    /** SHA-256 of the path and the body. */
    fingerprint: text('fingerprint').notNull(),
    /** The answer; null until there is one. */
    status: integer('status'),
    body: text('body'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('idempotency_keys_user').on(table.userId, table.key),
    index('idempotency_keys_created').on(table.createdAt),
  ],
);
