/** What the code module of a process type says. */
export interface Start {
  /** The program, compiled. */
  program: WebAssembly.Module;
  /** `os.Args`. */
  argv: string[];
}
