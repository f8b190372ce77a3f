/** The text of a module bundled with all that it imports; edge/bundle.ts makes it. */
declare module '*?bundle' {
  const text: string;
  export default text;
}
