/** Makes lines of what is written. */
export function lineReader(onLine: (line: string) => void): { write(bytes: Uint8Array): void; end(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  const give = (line: string) => {
    if (line.trim() !== '') onLine(line);
  };
  return {
    write(bytes) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(give);
    },
    end() {
      give(rest);
      rest = '';
    },
  };
}
