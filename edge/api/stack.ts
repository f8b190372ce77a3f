/** The one stack there is: what every app is built for and runs on. */
export const stack = { id: '3f0c0a4e-2f5c-4a7e-9a39-6a1f0b1d5c11', name: 'islet-1' };
