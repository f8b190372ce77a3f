/**
 * What stands in for sharp's native code: a function under a symbol of the global object, which programs of the machine
 * may call. The host does the work, in a process beside the machine.
 */
import { host } from '../host.ts';
import { currentTask } from '../task.ts';

const symbol = Symbol.for('sandbox.images');

export function installImages(): void {
  const work = (operation: string, options: unknown): Promise<unknown> => {
    const working = host.workOnImage(operation, options);
    return currentTask()?.holdFor(working) ?? working;
  };
  Object.defineProperty(globalThis, symbol, { value: work });
}
