import type { ContentfulStatusCode } from 'hono/utils/http-status';

/**
 * An error that the person who called the API may read: Heroku's `{id, message}` with its status code
 * (Platform API Reference, "Errors").
 */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly id: string;

  constructor(status: ContentfulStatusCode, id: string, message: string) {
    super(message);
    this.status = status;
    this.id = id;
  }
}

/** 404: it is not there, or the caller may not know that it is. `thing` as in "Couldn't find that app." */
export const notFound = (thing: string): ApiError => new ApiError(404, 'not_found', `Couldn't find that ${thing}.`);

/** 422: the request was understood, and a value in it will not do. */
export const invalid = (message: string): ApiError => new ApiError(422, 'invalid_params', message);
