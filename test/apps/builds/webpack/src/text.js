export const shout = (text) => `${text.toUpperCase()}!`;
export const unused = "never asked for";
