/** sharp's build for WebAssembly asks for constants in a way that the permission model closes. */
process.binding = () => ({ fs: require('node:fs').constants });
