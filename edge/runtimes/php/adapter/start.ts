/** What a process type of a PHP app starts; the buildpack writes it into the slug. */
export type Start = Site | ProgramStart;

/** One that serves. */
export interface Site extends EngineNeeds {
  /** The web server that the app's command names: how requests find their files. */
  server: 'apache2' | 'nginx' | 'builtin';
  /** The document root, relative to the app; `''` is the app itself. */
  root: string;
  /** The script, relative to the document root, that answers where there is no file. */
  front?: string;
  /** The script, relative to the app, that the built-in server asks first. */
  router?: string;
}

/** One that runs a program until it ends. */
export interface ProgramStart extends EngineNeeds {
  program: {
    /** Relative to the app. */
    file?: string;
    /** The text of it. */
    code?: string;
    name: string;
    args: string[];
  };
}

/** What PHP is to have. */
export interface EngineNeeds {
  /** Extensions to load, in order: names of shared modules without `.wasm`. */
  extensions: string[];
  /** Other libraries, which extensions need. */
  libraries: string[];
  /** Extensions that the runtime's own library stands for. */
  standIns: string[];
  /** Lines of php.ini after the platform's own. */
  ini: string;
}
