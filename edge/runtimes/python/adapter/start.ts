/** What a process type starts, as the buildpack leaves it for the adapter. */
export type Start =
  /** An application object: `module` as Python imports it, `object` an expression in it: `app`, `create_app()`. */
  | { kind: 'application'; module: string; object: string; interface: 'wsgi' | 'asgi' | 'auto'; directory: string }
  /** A file that starts a server itself, or a program that ends. */
  | { kind: 'script'; file: string; args: string[] }
  /** A module that is run, as `python -m` does. */
  | { kind: 'module'; module: string; args: string[] };
