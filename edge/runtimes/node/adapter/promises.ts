import { replaceBuiltin } from './require.ts';

/**
 * Changes methods of a module's `promises`, which in workerd is a namespace that cannot be changed.
 *
 * @param name the module's own: `fs/promises`
 */
export function changePromises(parent: { promises: object }, name: string, methods: object): void {
  const promises = { ...parent.promises, ...methods };
  Object.defineProperty(parent, 'promises', { value: promises, configurable: true, enumerable: true });
  replaceBuiltin(name, promises);
}
