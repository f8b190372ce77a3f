const { env } = import.meta as ImportMeta & { env: Record<string, string> };

/** Rounds of a fuzz test. `npm run fuzz:git` sets more of them. */
export const fuzzRuns = Number(env.VITE_FUZZ_RUNS ?? 150);

/** What that may take on a busy machine, in ms. */
export const fuzzTimeout = 60_000 + fuzzRuns * 200;
