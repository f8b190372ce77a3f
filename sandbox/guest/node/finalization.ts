/**
 * `FinalizationRegistry`. workerd runs its callbacks outside of any request, where they could start neither a timer nor
 * an immediate; so they wait for the next turn of their task.
 */
import { currentTask, type Task } from '../task.ts';

const due = new WeakMap<Task, (() => void)[]>();

/** Runs the callbacks of a task that have become due. */
export function finalize(task: Task): void {
  for (const work of due.get(task)?.splice(0) ?? []) task.dispatch(work);
}

/** Puts the global in place, once. */
export function installFinalization(): void {
  const Engine = FinalizationRegistry;
  Object.assign(globalThis, {
    FinalizationRegistry: class<Value> extends Engine<Value> {
      constructor(cleanup: (value: Value) => void) {
        const task = currentTask();
        super((value) => {
          if (task === undefined || task.exit !== undefined) return;
          const waiting = due.get(task) ?? [];
          due.set(task, waiting);
          waiting.push(() => cleanup(value));
        });
      }
    },
  });
}
