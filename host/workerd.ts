import { createRequire } from 'node:module';

/** Path of the workerd binary. The package is CommonJS without types; its `default` is this path. */
export const workerd: string = createRequire(import.meta.url)('workerd').default;
