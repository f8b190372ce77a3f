declare module '*.rb' {
  const text: string;
  export default text;
}
