/** What a process type of a PHP app serves; the buildpack writes it into the slug. */
export interface Start {
  /** The web server that the app's command names: how requests find their files. */
  server: 'apache2' | 'nginx' | 'builtin';
  /** The document root, relative to the app; `''` is the app itself. */
  root: string;
  /** The script, relative to the document root, that answers where there is no file. */
  front?: string;
  /** The script, relative to the app, that the built-in server asks first. */
  router?: string;
  /** Extensions to load, in order: names of shared modules without `.wasm`. */
  extensions: string[];
  /** Other libraries, which extensions need. */
  libraries: string[];
  /** Lines of php.ini after the platform's own. */
  ini: string;
}
