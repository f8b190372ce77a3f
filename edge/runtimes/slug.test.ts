import { packTar, type TarEntry, unpackTar } from 'modern-tar';
import { expect, it } from 'vitest';
import { readSlug } from './slug.ts';

const manifest = {
  ...{ version: 1, runtime: 'node', language: 'Node.js', env: {}, processTypes: {} },
  modules: { 'web.js': { type: 'esm' }, [`${'deep/'.repeat(40)}web.js`]: { type: 'esm' } },
};

const entry = (name: string, body: string): TarEntry => ({ header: { name, size: body.length }, body });

async function read(entries: TarEntry[]) {
  const archive = await packTar([entry('manifest.json', JSON.stringify(manifest)), ...entries]);
  const { code, files } = await readSlug(archive as Uint8Array<ArrayBuffer>, async () => new Uint8Array());
  const unpacked = await unpackTar(files);
  return { code: [...code.keys()], files: unpacked.map(({ header }) => header.name) };
}

it.each(['short.txt', `${'deep/'.repeat(60)}long.txt`])(
  'parts code and files, of which the first is %s',
  async (name) => {
    const [web = '', deep = ''] = Object.keys(manifest.modules);
    const entries = [entry(`code/${deep}`, 'deep'), entry(`code/${web}`, 'web'.repeat(400))];
    const tree = [entry(`files/${name}`, 'x'.repeat(1000)), entry('files/zlast.txt', 'y')];
    expect(await read([...entries, ...tree])).toEqual({
      code: [deep, web],
      files: [`files/${name}`, 'files/zlast.txt'],
    });
    expect(await read(entries)).toEqual({ code: [deep, web], files: [] });
    expect(await read(tree)).toEqual({ code: [], files: [`files/${name}`, 'files/zlast.txt'] });
  },
);
