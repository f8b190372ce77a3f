import { createHash } from 'node:crypto';
import { packTar, type TarEntry } from 'modern-tar';
import { appRoot, type SlugManifest } from '../../schema/slug.ts';

export interface TestSlug {
  sha256: string;
  bytes: Uint8Array;
}

/** A stored slug, by its bytes. */
export const slugOf = (bytes: Uint8Array): TestSlug => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  bytes,
});

/** A slug of an app that is one CommonJS file, in the form that edge/runtimes/node/index.ts asks for. */
export async function textSlug(source: string, files: Record<string, string> = {}): Promise<TestSlug> {
  const manifest: SlugManifest = {
    version: 1,
    runtime: 'node',
    language: 'Node.js',
    env: { NODE_ENV: 'production' },
    processTypes: { web: { command: 'node server.js', entry: 'web.cjs' } },
    modules: { 'web.cjs': { type: 'cjs' } },
  };
  const code = `module.exports = async function (require, module, exports) {
${source}
};
module.exports.argv = ["${appRoot}/server.js"];
`;
  const entry = (name: string, body: string): TarEntry => ({
    header: { name, size: Buffer.byteLength(body), type: 'file' },
    body,
  });
  const entries = Object.entries({ ...files, 'server.js': source });
  return slugOf(
    await packTar([
      entry('manifest.json', JSON.stringify(manifest)),
      entry('code/web.cjs', code),
      ...entries.map(([path, text]) => entry(`files/${path}`, text)),
    ]),
  );
}
