declare module '*.py' {
  const text: string;
  export default text;
}

declare module 'pyodide/pyodide.asm.mjs' {
  /** Emscripten's factory of the module. */
  const create: (settings: object) => Promise<unknown>;
  export default create;
}

/** What the types of Node.js leave out, as far as the adapter uses it. */
declare namespace WebAssembly {
  interface Instantiated {
    module: Module;
    instance: Instance;
  }
  function instantiate(module: Module, imports: object): Promise<Instance>;
  let instantiateStreaming: (response: unknown, imports: object) => Promise<Instantiated>;
}
