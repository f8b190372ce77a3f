/**
 * Turns the source of an ES module into that of a function, so that modules of the tree can run where only functions can
 * be compiled. The rules are those of ECMA-262, section 16.2 (Modules); lines stay where they are.
 *
 * The function takes `import.meta`, `import()`, a function that takes the exports' getters, and one namespace object for each module request, in the order of `requests`. An imported name becomes a
 * property access on it, and an exported name becomes a getter, so both bindings are live.
 */
import { type AnyNode, type Identifier, type ImportDeclaration, type Node, type Program, parse } from 'acorn';

export interface Reexport {
  /** The name it gets; null for `export * from`. */
  exported: string | null;
  /** The name there; null for the namespace itself. */
  imported: string | null;
  request: number;
}

export interface ModuleRecord {
  /** The specifiers of static imports and re-exports, with their attributes. */
  requests: { specifier: string; attributes: Record<string, string> }[];
  /** The names that static imports ask for, to be checked against what a module exports. */
  imports: { request: number; name: string }[];
  /** Names the module exports itself. */
  exports: string[];
  reexports: Reexport[];
  /** Whether there is an `await` at the top level. */
  async: boolean;
  /**
   * The source of a generator `($meta, $import, $export, ...$requests)`, which is asynchronous where `async` says so. It
   * stops once, when its functions are there and its exports can be linked, and then runs the module's statements.
   */
  code: string;
}

/** A stretch of source and what replaces it. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

/** What keeps the lines below a removed stretch where they are. */
const newlines = (text: string): string => text.replace(/[^\n\r\u2028\u2029]/g, '');

/**
 * @throws SyntaxError when it is not a module
 */
export function transformModule(source: string): ModuleRecord {
  const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  const record: ModuleRecord = { requests: [], imports: [], exports: [], reexports: [], async: false, code: '' };
  const edits: Edit[] = [];
  const getters: string[] = [];
  /** What stands in the code for a local name that was imported. */
  const bindings = new Map<string, string>();
  const remove = ({ start, end }: { start: number; end: number }) =>
    edits.push({ start, end, text: `;${newlines(source.slice(start, end))}` });
  const request = (node: Pick<ImportDeclaration, 'source' | 'attributes'>): number => {
    const attributes = Object.fromEntries(
      (node.attributes ?? []).map(({ key, value }) => [nameOf(key), String(value.value)]),
    );
    return record.requests.push({ specifier: String(node.source.value), attributes }) - 1;
  };
  let prologue = '';
  const provide = (exported: string, local: string) => {
    record.exports.push(exported);
    getters.push(`${JSON.stringify(exported)}:()=>${local}`);
  };

  // Imports come first: an export may name an import that stands further down.
  for (const node of program.body) {
    if (node.type !== 'ImportDeclaration') continue;
    const index = request(node);
    for (const specifier of node.specifiers) {
      if (specifier.type === 'ImportNamespaceSpecifier') bindings.set(specifier.local.name, `$${index}`);
      else {
        const name = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : 'default';
        record.imports.push({ request: index, name });
        bindings.set(specifier.local.name, `$${index}[${JSON.stringify(name)}]`);
      }
    }
    remove(node);
  }

  for (const node of program.body) {
    if (node.type === 'ExportAllDeclaration') {
      const exported = node.exported ? nameOf(node.exported) : null;
      record.reexports.push({ exported, imported: null, request: request(node) });
      remove(node);
    } else if (node.type === 'ExportNamedDeclaration') {
      if (node.declaration) {
        edits.push({ start: node.start, end: node.declaration.start, text: '' });
        for (const name of declaredNames(node.declaration)) provide(name, name);
      } else if (node.source) {
        const index = request({ source: node.source, attributes: node.attributes });
        for (const { local, exported } of node.specifiers) {
          record.imports.push({ request: index, name: nameOf(local) });
          record.reexports.push({ exported: nameOf(exported), imported: nameOf(local), request: index });
        }
        remove(node);
      } else {
        for (const { local, exported } of node.specifiers) {
          const name = nameOf(local);
          provide(nameOf(exported), bindings.get(name) ?? name);
        }
        remove(node);
      }
    } else if (node.type === 'ExportDefaultDeclaration') {
      const { declaration } = node;
      const declares = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
      if (declares && declaration.id) {
        edits.push({ start: node.start, end: declaration.start, text: '' });
        provide('default', declaration.id.name);
      } else if (declaration.type === 'FunctionDeclaration') {
        // Hoisted, so it needs a name of its own.
        const head = /^(?:async\s+)?function\s*\*?/.exec(source.slice(declaration.start))?.[0] ?? '';
        edits.push({ start: node.start, end: declaration.start + head.length, text: `${head} $default` });
        provide('default', '$default');
        prologue = 'Object.defineProperty($default,"name",{value:"default",configurable:true});';
      } else {
        // The property gives an anonymous function or class the name `default`, as the specification wants.
        edits.push({ start: node.start, end: declaration.start, text: 'const $default={default:(' });
        edits.push({
          start: declaration.end,
          end: node.end,
          text: `)}.default;${newlines(source.slice(declaration.end, node.end))}`,
        });
        provide('default', '$default');
      }
    }
  }

  rewriteReferences(program, source, bindings, edits, record);
  const parameters = ['$meta', '$import', '$export', ...record.requests.map((_, index) => `$${index}`)];
  const body = applyEdits(source.startsWith('#!') ? `//${source.slice(2)}` : source, edits);
  const head = `${record.async ? 'async ' : ''}function*(${parameters.join(',')})`;
  record.code = `(${head}{"use strict";$export({${getters.join(',')}});${prologue}yield;${body}\n})`;
  return record;
}

function nameOf(node: { type: string; name?: string; value?: unknown }): string {
  return node.type === 'Identifier' ? String(node.name) : String(node.value);
}

function applyEdits(source: string, edits: Edit[]): string {
  edits.sort((a, b) => a.start - b.start || a.end - b.end);
  let result = '';
  let position = 0;
  for (const { start, end, text } of edits) {
    result += source.slice(position, start) + text;
    position = end;
  }
  return result + source.slice(position);
}

/** Names bound by a declaration or a pattern. */
function declaredNames(node: Node | null | undefined): string[] {
  const any = node as AnyNode | null | undefined;
  switch (any?.type) {
    case 'Identifier':
      return [any.name];
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return any.id ? [any.id.name] : [];
    case 'VariableDeclaration':
      return any.declarations.flatMap(({ id }) => declaredNames(id));
    case 'ObjectPattern':
      return any.properties.flatMap((property) =>
        declaredNames(property.type === 'RestElement' ? property.argument : property.value),
      );
    case 'ArrayPattern':
      return any.elements.flatMap(declaredNames);
    case 'AssignmentPattern':
      return declaredNames(any.left);
    case 'RestElement':
      return declaredNames(any.argument);
    default:
      return [];
  }
}

function* children(node: Node): Generator<AnyNode> {
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item?.type === 'string') yield item;
    } else if (typeof value?.type === 'string') yield value;
  }
}

const isFunction = (node: Node): boolean =>
  /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
const isBlock = (node: Node): boolean =>
  /^(BlockStatement|StaticBlock|ForStatement|ForInStatement|ForOfStatement|SwitchStatement|CatchClause|ClassExpression)$/.test(
    node.type,
  );

/**
 * Finds where a source may mention an imported name, `import` or `await`: most of a large module does not, and need not
 * be looked at.
 *
 * @returns whether a node may hold one
 */
function findMentions(
  source: string,
  bindings: ReadonlyMap<string, string>,
): (node: { start: number; end: number }) => boolean {
  // An escape may stand for any letter of a name.
  const names = new Set(['import', 'await', '\\u', ...bindings.keys()]);
  const places: number[] = [];
  for (const { 0: word, index } of source.matchAll(/\\u|[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu)) {
    if (names.has(word)) places.push(index);
  }
  return ({ start, end }) => {
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[middle] ?? 0) < start) low = middle + 1;
      else high = middle;
    }
    return (places[low] ?? Number.POSITIVE_INFINITY) < end;
  };
}

/** Replaces references to imported names, `import.meta` and `import()`, and finds a top-level `await`. */
function rewriteReferences(
  program: Program,
  source: string,
  bindings: ReadonlyMap<string, string>,
  edits: Edit[],
  record: ModuleRecord,
): void {
  const concerns = findMentions(source, bindings);
  /** For each function or block that declares a name which is also imported: those names. */
  const shadows = new Map<Node, Set<string>>();
  const declare = (scope: Node | undefined, names: string[]) => {
    if (scope === undefined) return;
    for (const name of names) {
      if (!bindings.has(name)) continue;
      const set = shadows.get(scope) ?? new Set();
      shadows.set(scope, set.add(name));
    }
  };

  /** Collects declarations: `var` for the function around, the others for the block. */
  const collect = (node: AnyNode, functionScope: Node | undefined, blockScope: Node | undefined): void => {
    if (node.type === 'VariableDeclaration')
      declare(node.kind === 'var' ? functionScope : blockScope, declaredNames(node));
    else if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration')
      declare(blockScope, declaredNames(node));
    if (isFunction(node)) {
      const { params, id } = node as Extract<AnyNode, { type: 'FunctionExpression' }>;
      if (node.type === 'FunctionExpression' && id) declare(node, [id.name]);
      declare(node, params.flatMap(declaredNames));
      for (const child of children(node)) if (concerns(child)) collect(child, node, node);
      return;
    }
    if (node.type === 'ClassExpression' && node.id) declare(node, [node.id.name]);
    if (node.type === 'CatchClause') declare(node, declaredNames(node.param));
    if (node.type === 'StaticBlock') {
      for (const child of children(node)) if (concerns(child)) collect(child, node, node);
      return;
    }
    const scope = isBlock(node) ? node : blockScope;
    for (const child of children(node)) if (concerns(child)) collect(child, functionScope, scope);
  };
  if (bindings.size > 0) collect(program, undefined, undefined);

  /** Where statements start: a parenthesis put there would otherwise continue a line that has no semicolon. */
  const starts = new Set<number>();
  const replace = (identifier: Identifier, hidden: ReadonlySet<string>, wrap: (text: string) => string) => {
    const text = hidden.has(identifier.name) ? undefined : bindings.get(identifier.name);
    if (text !== undefined) edits.push({ start: identifier.start, end: identifier.end, text: wrap(text) });
  };

  const visit = (node: AnyNode, outer: ReadonlySet<string>, inFunction: boolean): void => {
    const own = shadows.get(node);
    const hidden = own === undefined ? outer : new Set([...outer, ...own]);
    const within = inFunction || isFunction(node) || node.type === 'StaticBlock';
    if (node.type === 'Program' || node.type === 'BlockStatement' || node.type === 'StaticBlock') {
      for (const { type, start } of node.body) if (type === 'ExpressionStatement') starts.add(start);
    } else if (node.type === 'SwitchCase') {
      for (const { type, start } of node.consequent) if (type === 'ExpressionStatement') starts.add(start);
    }
    const enter = (child: AnyNode | null | undefined) => {
      if (child && concerns(child)) visit(child, hidden, within);
    };
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
        return;
      case 'ExportNamedDeclaration':
        enter(node.declaration);
        return;
      case 'Identifier':
        replace(node, hidden, (text) => text);
        return;
      case 'MemberExpression':
        enter(node.object);
        if (node.computed) enter(node.property);
        return;
      case 'Property':
        if (node.shorthand && node.value.type === 'Identifier') {
          const { name } = node.value;
          replace(node.value, hidden, (text) => `${name}:${text}`);
          return;
        }
        if (node.computed) enter(node.key);
        // The key of a shorthand with a default stands in its value.
        enter(node.value);
        return;
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (node.computed) enter(node.key);
        if (node.value) visit(node.value, hidden, node.type === 'PropertyDefinition' || within);
        return;
      case 'LabeledStatement':
        enter(node.body);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'CallExpression':
      case 'TaggedTemplateExpression': {
        const callee = node.type === 'CallExpression' ? node.callee : node.tag;
        // A call through the namespace would get it as `this`.
        if (callee.type === 'Identifier')
          replace(callee, hidden, (text) => `${starts.has(callee.start) ? ';' : ''}(0,${text})`);
        else enter(callee);
        if (node.type === 'CallExpression') node.arguments.forEach(enter);
        else enter(node.quasi);
        return;
      }
      case 'MetaProperty':
        if (node.meta.name === 'import') edits.push({ start: node.start, end: node.end, text: '$meta' });
        return;
      case 'ImportExpression':
        edits.push({ start: node.start, end: node.start + 'import'.length, text: '$import' });
        break;
      case 'AwaitExpression':
        record.async ||= !inFunction;
        break;
      case 'ForOfStatement':
        record.async ||= node.await && !inFunction;
        break;
      case 'VariableDeclaration':
        record.async ||= (node.kind as string) === 'await using' && !inFunction;
        break;
    }
    for (const child of children(node)) if (concerns(child)) visit(child, hidden, within);
  };
  visit(program, new Set(), false);
}
