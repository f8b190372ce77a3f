/**
 * `new Function(text)` where workerd refuses it while a Worker serves, as it does on Cloudflare. While a Worker starts it
 * may: so what an app is known to make is made then, and handed out when the app asks for it. What is not known yet is
 * told to the Dyno, which starts the app anew with it. Template engines and validators (EJS, Pug, Handlebars, Ajv) make
 * the same few functions again and again.
 */
import type { GeneratedCode, KnownCode } from '../../instance-protocol.ts';
import type { Events } from './events.ts';
import known from './generated.json';

type Callable = (...args: unknown[]) => unknown;

/** Makes a new function of a text each time, as its constructor does; throws what that throws. */
type Maker = () => Callable;

/** What makes functions of text, by the heads that those have in source text. */
const constructors = {
  function: Function,
  'function*': constructorOf(function* () {}),
  'async function': constructorOf(async () => {}),
  'async function*': constructorOf(async function* () {}),
};

const { codes, learns } = known as KnownCode;
const makers = new Map(codes.map((code) => [JSON.stringify(code), maker(code)]));

let events: Events | undefined;
let isUp = false;
let missed = 0;

/** Whether the app can only have what is prepared. */
export const needsPreparation = (): boolean => events !== undefined;

/** How many functions the app has asked for that were not prepared. */
export const unpreparedCount = (): number => missed;

/** Where text may not be evaluated, lets the app have what is prepared, and tells of what is not. */
export function prepareGenerated(to: Events): void {
  try {
    // Not the empty one, nor one that only returns `this`: those are allowed everywhere.
    new Function('return 0');
    return;
  } catch {
    // It is refused.
  }
  events = to;
  for (const [head, native] of Object.entries(constructors)) {
    const standIn = new Proxy(native, {
      apply: (_target, _this, texts) => generate(head, native, texts),
      construct: (_target, texts) => generate(head, native, texts),
    });
    Object.defineProperty(native.prototype, 'constructor', { value: standIn, configurable: true, writable: true });
    if (native === Function) globalThis.Function = standIn;
  }
}

/** From now on, what is missing fails at once: others may wait for an answer. */
export function refuseUnprepared(): void {
  isUp = true;
}

function generate(head: string, native: FunctionConstructor, texts: unknown[]): Callable {
  const code: GeneratedCode = [head, ...texts.map(String)];
  const make = makers.get(JSON.stringify(code));
  if (make) return make();
  if (!events || !learns) return native(...(texts as string[])) as Callable;
  missed += 1;
  events.send({ type: 'generates', code });
  // Before it listens, an app goes on as far as it can, to tell at once of all that it makes when it starts.
  if (!isUp) return placeholder();
  throw new EvalError(
    'Text is not evaluated while a Worker serves. The app is started again with what this text makes.',
  );
}

/** Stands for a function that is not there, and for what that returns. */
function placeholder(): Callable {
  return placeholder;
}

function maker([head, ...texts]: GeneratedCode): Maker {
  const parameters = texts.slice(0, -1).join(',');
  const body = texts.at(-1) ?? '';
  try {
    // Parameters and body have to be whole, each for itself.
    constructors[head as keyof typeof constructors](parameters, body);
    // What it makes of them ("CreateDynamicFunction", ECMAScript).
    return new Function(`return (${head} anonymous(${parameters}\n) {\n${body}\n})`) as Maker;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function constructorOf(example: unknown): FunctionConstructor {
  return Object.getPrototypeOf(example).constructor;
}
