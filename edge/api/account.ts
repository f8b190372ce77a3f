import type * as Heroku from '@heroku-cli/schema';
import { Hono } from 'hono';
import type { ApiContext, User } from './auth.ts';
import type { Resource } from './heroku.ts';

export const account = new Hono<ApiContext>();

/** `~` is who asks. */
account.on('GET', ['/account', '/users/~'], (c) => c.json(accountResource(c.get('user'))));

function accountResource(user: User) {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    allow_tracking: false,
    beta: false,
    country_of_residence: null,
    created_at: user.createdAt,
    default_organization: null,
    default_team: null,
    delinquent_at: null,
    federated: false,
    identity_provider: null,
    last_login: null,
    sms_number: null,
    suspended_at: null,
    two_factor_authentication: false,
    updated_at: user.updatedAt,
    verified: true,
  } satisfies Resource<Heroku.Account>;
}
