/** What webhooks tell of ("App Webhooks", "Webhook events"). */

/** The entities whose changes are sent. */
export const entities = [
  'api:app',
  'api:build',
  'api:collaborator',
  'api:domain',
  'api:formation',
  'api:release',
] as const;
export type Entity = (typeof entities)[number];

export type Action = 'create' | 'update' | 'destroy';

export interface Change {
  entity: Entity;
  action: Action;
  /** Who did it. */
  actor: { id: string; email: string } | null;
  /** The resource as it is after the change. */
  data: unknown;
}

export interface Webhook {
  /** UUID. */
  id: string;
  url: string;
  include: Entity[];
  /** `notify` is tried once, `sync` until it is taken. */
  level: 'notify' | 'sync';
  /** Signs what is sent. */
  secret: string;
  /** What `Authorization` is to say. */
  authorization: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface WebhookEvent {
  id: string;
  include: Entity;
  /** What is sent of it, as JSON. */
  payload: string;
  createdAt: string;
}

export interface Attempt {
  id: string;
  /** Of the receiver's answer; null when there was none. */
  code: number | null;
  /** The kind of error that there was in the place of an answer. */
  errorClass: string | null;
  at: string;
}

export interface Delivery {
  /** Counts up. */
  seq: number;
  id: string;
  eventId: string;
  include: Entity;
  webhookId: string;
  level: Webhook['level'];
  status: 'pending' | 'retrying' | 'succeeded' | 'failed';
  attempts: number;
  last: Attempt | null;
  /** ISO 8601; null when there will be none. */
  nextAttemptAt: string | null;
  createdAt: string;
  updatedAt: string;
}
