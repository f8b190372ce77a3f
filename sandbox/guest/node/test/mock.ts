/** `mock` of `node:test` ("Mocking", Node.js documentation): functions and methods that say how they were called. */
type AnyFunction = (this: unknown, ...parameters: unknown[]) => unknown;

interface Call {
  arguments: unknown[];
  result: unknown;
  error: unknown;
  this: unknown;
}

export interface Mocks {
  fn(original?: AnyFunction, implementation?: AnyFunction): AnyFunction;
  method(object: object, name: string, implementation?: AnyFunction): AnyFunction;
  restoreAll(): void;
  reset(): void;
}

export function createMocks(): Mocks {
  const restorers = new Set<() => void>();
  const fn = (original: AnyFunction = () => undefined, implementation = original, restore = () => {}) => {
    let active = implementation;
    const calls: Call[] = [];
    const mocked: AnyFunction = function (...parameters) {
      const call: Call = { arguments: parameters, result: undefined, error: undefined, this: this };
      calls.push(call);
      try {
        call.result = Reflect.apply(active, this, parameters);
        return call.result;
      } catch (error) {
        call.error = error;
        throw error;
      }
    };
    const back = () => {
      active = original;
      restore();
    };
    restorers.add(back);
    const mock = {
      calls,
      callCount: () => calls.length,
      mockImplementation: (next: AnyFunction) => {
        active = next;
      },
      resetCalls: () => {
        calls.length = 0;
      },
      restore: back,
    };
    return Object.assign(mocked, { mock });
  };
  const restoreAll = () => {
    for (const restore of restorers) restore();
  };
  return {
    fn: (original, implementation) => fn(original, implementation),
    method(object, name, implementation) {
      const original: unknown = Reflect.get(object, name);
      if (typeof original !== 'function') throw new TypeError(`mock.method: ${name} is not a method of the object`);
      const own = Object.getOwnPropertyDescriptor(object, name);
      const mocked = fn(original as AnyFunction, implementation, () => {
        if (own) Object.defineProperty(object, name, own);
        else Reflect.deleteProperty(object, name);
      });
      Object.defineProperty(object, name, { value: mocked, configurable: true, writable: true });
      return mocked;
    },
    restoreAll,
    reset() {
      restoreAll();
      restorers.clear();
    },
  };
}
