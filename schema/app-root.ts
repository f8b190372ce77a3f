/**
 * Where an instance finds the app's tree, writable as on Heroku and as short-lived, and its first working directory.
 * (In workerd `/bundle` cannot be written, dates every file 1970 and spoils names with `#` or `?`.)
 */
export const appRoot = '/tmp/app';
