/** Longer lines are not a build event. Characters. */
const MAX_LINE = 1024 * 1024;

/**
 * Values from a stream of JSON objects, one a line; empty lines are passed over.
 * @throws SyntaxError for a line that is not JSON, RangeError for one that is too long
 */
export async function* jsonLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let rest = '';
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new RangeError(`A line is longer than ${MAX_LINE} characters.`);
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
  }
  if (rest.trim()) yield JSON.parse(rest);
}
