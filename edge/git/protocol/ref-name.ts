/**
 * Whether git takes this as the name of a ref that is created or updated (git-check-ref-format), below `refs/` and at
 * least two levels deep.
 */
export function isRefName(name: string): boolean {
  if (!name.startsWith('refs/')) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$/.test(name)) return false;
  const parts = name.slice('refs/'.length).split('/');
  return parts.length > 1 && parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}
