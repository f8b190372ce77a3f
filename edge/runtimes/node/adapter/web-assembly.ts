/**
 * WebAssembly of bytes. workerd ends the asynchronous forms by a task that runs only when something else enters the
 * isolate: while an app starts, perhaps nothing ever does. The synchronous ones work.
 */

/** What is used of WebAssembly: the libraries of types that adapters are checked with do not have it. */
interface Api {
  Module: new (bytes: unknown) => object;
  Instance: new (module: object, imports?: unknown) => object;
}

type Streamed = Response | Promise<Response>;

/** Lets the asynchronous forms end where they begin. */
export function compileAtOnce(): void {
  const api = WebAssembly as unknown as Api;
  const { Module, Instance } = api;
  const compile = async (bytes: unknown) => new Module(bytes);
  const instantiate = async (source: unknown, imports?: unknown) => {
    if (source instanceof Module) return new Instance(source, imports);
    const module = new Module(source);
    return { module, instance: new Instance(module, imports) };
  };
  const bytesOf = async (response: Streamed) => (await response).arrayBuffer();
  Object.assign(api, {
    compile,
    instantiate,
    compileStreaming: async (response: Streamed) => compile(await bytesOf(response)),
    instantiateStreaming: async (response: Streamed, imports?: unknown) =>
      instantiate(await bytesOf(response), imports),
  });
}
