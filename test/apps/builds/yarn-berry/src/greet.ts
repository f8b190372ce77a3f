export const greet = (name: string): { greeting: string } => ({ greeting: `hello ${name}` });
