import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Edges, GraphPackage, PackageGraph } from './graph.ts';
import { hoist } from './hoist.ts';

/** Graphs of a few names in a few versions, where anything may depend on anything, cycles included. */
const graphs = fc
  .record({
    edges: fc.array(fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { maxLength: 4 }), { minLength: 15, maxLength: 15 }),
    roots: fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { maxLength: 5 }),
    workspace: fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { maxLength: 3 }),
  })
  .map(({ edges, roots, workspace }): PackageGraph => {
    const edgesOf = (list: [number, number][]): Edges =>
      Object.fromEntries(list.map(([n, v]) => [`p${n}`, `p${n}@${v}`]));
    const packages = new Map<string, GraphPackage>();
    edges.forEach((list, index) => {
      const [name, version] = [`p${index % 5}`, `${Math.floor(index / 5)}`];
      const dependencies = edgesOf(list.filter(([n]) => `p${n}` !== name));
      packages.set(`${name}@${version}`, { name, version, dependencies, optionalDependencies: {} });
    });
    const importer = (list: [number, number][]) => ({
      dependencies: edgesOf(list),
      devDependencies: {},
      optionalDependencies: {},
    });
    return {
      packages,
      importers: new Map([
        ['', importer(roots)],
        ['w', importer(workspace)],
      ]),
    };
  });

test('every package finds the versions that it was locked with, by the rules of Node.js', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { packages } = hoist(graph);
      const find = (name: string, from: string): string | undefined => {
        for (let at = from; ; at = at.replace(/(^|\/)(node_modules\/[^/]+|w)$/, '')) {
          const entry = packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`];
          if (entry?.link) return `${name}@${packages[entry.resolved ?? '']?.version}`;
          if (entry !== undefined) return `${name}@${entry.version}`;
          if (at === '') return undefined;
        }
      };
      for (const [directory, { dependencies }] of graph.importers) {
        for (const [name, id] of Object.entries(dependencies)) expect(find(name, directory)).toBe(id);
      }
      for (const [place, { name, version, link }] of Object.entries(packages)) {
        if (link) continue;
        const { dependencies = {} } = graph.packages.get(`${name}@${version}`) ?? {};
        for (const [dependency, id] of Object.entries(dependencies)) expect(find(dependency, place)).toBe(id);
      }
    }),
    { numRuns: 500 },
  );
});

test('binaries for a platform stay away, when only optional dependencies want them', () => {
  const packages = new Map<string, GraphPackage>();
  const add = (name: string, dependencies: Edges, optionalDependencies: Edges) =>
    packages.set(name, { name, version: '1.0.0', dependencies, optionalDependencies });
  add('bundler', {}, { '@bundler/linux-x64': '@bundler/linux-x64', plain: 'plain' });
  add('@bundler/linux-x64', {}, {});
  add('plain', {}, {});
  const importer = { dependencies: { bundler: 'bundler' }, devDependencies: {}, optionalDependencies: {} };
  const lock = hoist({ packages, importers: new Map([['', importer]]) });
  expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/bundler', 'node_modules/plain']);
  expect(lock.packages['node_modules/plain']?.optional).toBe(true);
});
