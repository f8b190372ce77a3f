export * from '@swc/wasm';
