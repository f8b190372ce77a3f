import { createRequire } from 'node:module';

/** Path of the workerd binary. The package is CommonJS without types; its `default` is this path. */
export const workerd: string = createRequire(import.meta.url)('workerd').default;

/**
 * Its memory allocator keeps what is free at each processor, without locks, where glibc leaves the restartable sequences
 * of Linux to it (TCMalloc, "Restartable Sequence Mechanism for TCMalloc"). Otherwise a request takes 7 % longer.
 */
export const fastAllocation = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };
