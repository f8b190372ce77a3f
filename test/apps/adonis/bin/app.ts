import 'reflect-metadata';
import { Ignitor } from '@adonisjs/core';

const root = new URL('../', import.meta.url);

/** The app, whose files are named from its root. */
export const ignitor = new Ignitor(root, {
  importer: (path) => import(path.startsWith('.') ? new URL(path, root).href : path),
});
