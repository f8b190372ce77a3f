/**
 * Objects that are numbers where they are cast to one, as handles of curl are: `(int) $handle`. No class of an app's can
 * say so, but each object names the functions that PHP works on it by ("zend_object" and "zend_object_handlers", php-src),
 * and those can be others.
 */
import type { Engine } from './engine.ts';

/** Where in an object its number is, and the address of its functions. Bytes. */
const OBJECT = { number: 8, functions: 20 };

/** How many functions an object has, and which of them casts it. */
const FUNCTIONS = { count: 26, cast: 18 };

/** How much of what PHP keeps for a run is looked at for its table of objects. Bytes. */
const KEPT = 8 * 1024;

/** IS_LONG and _IS_NUMBER, as PHP numbers types. */
const LONG = 4;
const NUMBER = 19;

const SUCCESS = 0;

/** The functions of each engine's. */
const engines = new Map<number, (number: number) => void>();

/** @returns the number by which PHP is to name the engine */
export function letCast(engine: Engine): number {
  const id = engines.size + 1;
  let functions: number | undefined;
  engines.set(id, (number) => {
    functions ??= functionsWithCast(engine);
    const object = objectOf(engine, number);
    engine.php.HEAPU32[(object + OBJECT.functions) >>> 2] = functions;
  });
  Object.assign(globalThis, { isletCast: (of: number, number: number) => engines.get(Number(of))?.(Number(number)) });
  return id;
}

/** A copy of the usual functions, with another to cast. */
function functionsWithCast({ php, address }: Engine): number {
  const usual = address('std_object_handlers');
  const place = Number(php.ccall('malloc', 'number', ['number'], [4 * FUNCTIONS.count]));
  php.HEAPU32.copyWithin(place >>> 2, usual >>> 2, (usual >>> 2) + FUNCTIONS.count);
  const cast = php.wasmTable.get(php.HEAPU32[(usual >>> 2) + FUNCTIONS.cast] ?? 0);
  php.HEAPU32[(place >>> 2) + FUNCTIONS.cast] = php.addFunction((object = 0, result = 0, type = 0) => {
    if (type !== LONG && type !== NUMBER) return cast(object, result, type);
    php.HEAPU32[result >>> 2] = php.HEAPU32[(object + OBJECT.number) >>> 2] ?? 0;
    php.HEAPU32[(result + 8) >>> 2] = LONG;
    return SUCCESS;
  }, 'iiii');
  return place;
}

/** The address of an object that has the usual functions. */
function objectOf({ php, address }: Engine, number: number): number {
  const read = (place: number): number => php.HEAPU32[place >>> 2] ?? 0;
  const kept = address('executor_globals');
  const usual = address('std_object_handlers');
  for (let at = 0; at < KEPT; at += 4) {
    const [objects, top, size] = [read(kept + at), read(kept + at + 4), read(kept + at + 8)];
    if (number >= top || top > size || objects >= php.HEAPU8.length) continue;
    const object = read(objects + 4 * number);
    if (read(object + OBJECT.number) === number && read(object + OBJECT.functions) === usual) return object;
  }
  throw new Error('The engine is not the one that is known: it has no objects where they are to be.');
}
