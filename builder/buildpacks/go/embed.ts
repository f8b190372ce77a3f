/** Which files a package's `//go:embed` patterns name. */

/**
 * The compiler's configuration for a package that embeds files, as the go command writes it.
 *
 * @param patterns as they stand in the source
 * @param files all that they name together, relative to the package's directory
 */
export function embedConfig(directory: string, patterns: readonly string[], files: readonly string[]): string {
  return JSON.stringify({
    Patterns: Object.fromEntries(patterns.map((pattern) => [pattern, matching(pattern, files)])),
    Files: Object.fromEntries(files.map((file) => [file, `${directory}/${file}`])),
  });
}

/** A pattern names files, or directories whose hidden files are left out, unless it begins with `all:`. */
function matching(pattern: string, files: readonly string[]): string[] {
  const all = pattern.startsWith('all:');
  const glob = segments(all ? pattern.slice(4) : pattern);
  return files.filter((file) => {
    const names = file.split('/');
    if (glob.length > names.length || !glob.every((segment, index) => segment.test(names[index] ?? ''))) return false;
    return all || names.slice(glob.length).every((name) => !/^[._]/.test(name));
  });
}

/** Patterns of Go's path.Match, one for each name of a path; `.` is the package's directory itself. */
function segments(glob: string): RegExp[] {
  if (glob === '.') return [];
  return glob.split('/').map((segment) => {
    const source = segment.replaceAll(
      /\\(.)|\[(\^?)((?:\\.|[^\]\\])+)\]|[*?]|[.+^${}()|[\]\\]/g,
      (found, escaped, not, set) => {
        if (found === '*') return '[^/]*';
        if (found === '?') return '[^/]';
        if (set !== undefined) return `[${not}${set}]`;
        return `\\${escaped ?? found}`;
      },
    );
    return new RegExp(`^${source}$`, 'u');
  });
}
