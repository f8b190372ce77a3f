/** What of a PHP file no declaration is in: comments, strings, heredocs, and what stands outside of `<?php`. */
const NOISE = new RegExp(
  [
    String.raw`\?>[\s\S]*?(?:<\?php\b|<\?=|$)`,
    String.raw`\/\*[\s\S]*?\*\/`,
    String.raw`(?:\/\/|#(?!\[))[^\n]*?(?=\?>|\n|$)`,
    String.raw`'(?:[^'\\]|\\[\s\S])*'`,
    String.raw`"(?:[^"\\]|\\[\s\S])*"`,
    String.raw`<<<\s*(['"]?)(\w+)\1\r?\n[\s\S]*?\n[ \t]*\2\b`,
  ].join('|'),
  'g',
);

/** A keyword, not a property, a constant or a method of that name. */
const DECLARATION =
  /(?<![\w$>:\\-])(?:namespace\s+([\w\\]+)?\s*[;{]|(?:class|interface|trait|enum)\s+(?!extends\b|implements\b)([A-Za-z_\x80-\uffff][\w\x80-\uffff]*))/g;

/**
 * The names of the classes, interfaces, traits and enums that a PHP file declares.
 *
 * @param text the file
 */
export function classesOf(text: string): string[] {
  // It begins outside of `<?php`.
  const code = `?>${text}`.replace(NOISE, ' ');
  const names: string[] = [];
  let namespace = '';
  for (const [whole, space, name] of code.matchAll(DECLARATION)) {
    if (whole.startsWith('namespace')) namespace = space ? `${space}\\` : '';
    else if (name) names.push(namespace + name);
  }
  return names;
}
