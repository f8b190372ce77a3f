import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';

export default {
  input: 'src/server.js',
  output: { file: 'dist/server.js', format: 'es' },
  external: [/^node:/],
  plugins: [nodeResolve(), commonjs(), json(), terser()],
};
