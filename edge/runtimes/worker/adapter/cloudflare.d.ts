/** What workerd has beside Node.js, as far as the adapter uses it. */
declare module 'cloudflare:workers' {
  export class WorkerEntrypoint {
    constructor(context: unknown, env: unknown);
  }
  export const env: object;
  export function withEnv<Result>(env: object, work: () => Result): Result;
}
