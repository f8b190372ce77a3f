export const load = () => ({ made: "while it was built" });
