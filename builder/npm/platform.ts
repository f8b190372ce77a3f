/** What packages see: a Linux whose processor runs WebAssembly. Native binaries for any other processor stay away. */
export const platform = { os: 'linux', cpu: 'wasm32' };
