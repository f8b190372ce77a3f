/** Flags that an app gives to the linker, and how the go command splits them. */

/**
 * @param config config vars: GO_LINKER_SYMBOL and GO_LINKER_VALUE, as Heroku's buildpack has them, and GOFLAGS
 * @returns arguments of the linker: `-X=main.version=1`
 */
export function linkerFlags(config: Readonly<Record<string, string>>): string[] {
  const { GO_LINKER_SYMBOL: symbol, GO_LINKER_VALUE: value, GOFLAGS = '' } = config;
  const named = symbol && value !== undefined ? [`-X=${symbol}=${value}`] : [];
  const [, given] =
    fields(GOFLAGS)
      .map((flag) => /^--?ldflags=(.*)$/s.exec(flag))
      .findLast((match) => match !== null) ?? [];
  return [...named, ...fields(given ?? '')];
}

/** Splits at spaces outside of quotes (`go help environment`, GOFLAGS); there are no escapes. */
export function fields(text: string): string[] {
  const found: string[] = [];
  for (const [, double, single, plain] of text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    found.push(double ?? single ?? plain ?? '');
  }
  return found;
}
