/**
 * Prepares a shell script for running: each command that is not the shell's own goes through one command of ours, which
 * is told what of its standard streams are those of the whole script.
 *
 * just-bash hands over a command's output when the whole script has ended. A build log wants it at once, and this is what
 * tells a command whose output may be written at once from one whose output is for a pipe, a file or a variable.
 */
import type { Bash } from 'just-bash/browser';

type Script = ReturnType<Bash['transform']>['ast'];
type Statement = Script['statements'][number];
type Node = Statement['pipelines'][number]['commands'][number];
type SimpleCommand = Extract<Node, { type: 'SimpleCommand' }>;
type Word = SimpleCommand['args'][number];

/** The command that runs all others: `__run <streams> <name> <argument>…`. */
export const runCommand = '__run';

/** Whether a script may read another file into the shell (`source lib.sh`), and use functions that the plan cannot know. */
export const readsFiles = (script: string): boolean => /(^|[\s;&|({])(\.|source)\s/.test(script);

/** Commands that change or use the shell itself. */
const builtins = new Set(
  '. : [ [[ alias bg bind break builtin caller case cd command compgen complete continue declare dirs disown do done elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if jobs let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while'.split(
    ' ',
  ),
);

/**
 * @param streams which of `i`, `o` and `e` the script has from its task
 * @param scriptPath what `$0` is, for a script that is a file
 * @param isCommand whether there is a command of a name, for a script that may read functions from another file
 */
export function planScript(
  script: Script,
  { streams, scriptPath, isCommand }: { streams: string; scriptPath?: string; isCommand?: (name: string) => boolean },
): Script {
  const functions = new Set<string>();
  walk(script, (node) => {
    if (node.type === 'FunctionDef') functions.add(String(node.name));
    if (node.type === 'ParameterExpansion' && node.parameter === '0' && scriptPath !== undefined && !node.operation) {
      for (const key of Object.keys(node)) delete node[key];
      Object.assign(node, { type: 'SingleQuoted', value: scriptPath });
    }
  });
  planStatements(script.statements, streams, { functions, isCommand });
  return script;
}

function walk(node: unknown, see: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) see(node as Record<string, unknown>);
  for (const child of Object.values(node)) walk(child, see);
}

/** What the words of a script mean. */
interface Names {
  /** Functions that it defines. */
  functions: ReadonlySet<string>;
  /** Given where there may be more of them: whether there is a command of a name. */
  isCommand: ((name: string) => boolean) | undefined;
}

function planStatements(statements: readonly Statement[], streams: string, names: Names): void {
  for (const { pipelines } of statements) {
    for (const { commands, pipeStderr } of pipelines) {
      for (const [index, command] of commands.entries()) {
        let own = streams;
        if (index > 0) own = own.replace('i', '');
        if (index < commands.length - 1) own = own.replace(pipeStderr?.[index] ? /[oe]/g : 'o', '');
        planCommand(command, own, names);
      }
    }
  }
}

function planCommand(command: Node, outer: string, names: Names): void {
  let streams = outer;
  for (const { operator } of command.redirections) {
    streams = streams.replace(operator.startsWith('<') ? 'i' : /[oe]/g, '');
  }
  const plan = (statements: readonly Statement[] | null) => planStatements(statements ?? [], streams, names);
  switch (command.type) {
    case 'SimpleCommand':
      planSimpleCommand(command, streams, names);
      return;
    case 'If':
      for (const { condition, body } of command.clauses) {
        plan(condition);
        plan(body);
      }
      plan(command.elseBody);
      return;
    case 'While':
    case 'Until':
      plan(command.condition);
      plan(command.body);
      return;
    case 'For':
    case 'CStyleFor':
    case 'Subshell':
    case 'Group':
      plan(command.body);
      return;
    case 'Case':
      for (const { body } of command.items) plan(body);
      return;
    case 'FunctionDef':
      // Where it is called decides on its streams.
      if ('body' in command.body && Array.isArray(command.body.body)) planStatements(command.body.body, '', names);
      return;
  }
}

function planSimpleCommand(command: SimpleCommand, streams: string, names: Names): void {
  const { name } = command;
  if (name === null) {
    command.assignments = withStatus(command.assignments);
    return;
  }
  const literal = literalOf(name);
  if (literal !== undefined) {
    // A name that means nothing yet is that of a function of a file that the script reads.
    const isFunction =
      names.functions.has(literal) || (names.isCommand && !builtins.has(literal) && !names.isCommand(literal));
    if (isFunction || literal === 'printf') command.redirections = [...command.redirections, ...live(streams)];
    if (isFunction || builtins.has(literal)) return;
  }
  command.args = [word(streams === '' ? '-' : streams), name, ...command.args];
  command.name = word(runCommand);
}

/** Files that stand for the task's own streams: what is appended to them is written at once. */
export const liveFiles = { '/dev/task/1': 1, '/dev/task/2': 2 } as const;

/** Has what a function prints written when it returns, and not when the whole script has ended. */
function live(streams: string): SimpleCommand['redirections'] {
  const to = (fd: 1 | 2): SimpleCommand['redirections'][number] => ({
    type: 'Redirection',
    fd,
    operator: '>>',
    target: word(`/dev/task/${fd}`),
  });
  return [...(streams.includes('o') ? [to(1)] : []), ...(streams.includes('e') ? [to(2)] : [])];
}

/**
 * Assignments that succeed (POSIX, 2.9.1 "Simple Commands"). just-bash leaves the status that was there before, and ends
 * a script under `set -e` for a failure that was none; the status of a command substitution it takes.
 */
function withStatus(assignments: SimpleCommand['assignments']): SimpleCommand['assignments'] {
  if (assignments.length === 0) return assignments;
  let substitutes = false;
  walk(assignments, ({ type }) => {
    substitutes ||= type === 'CommandSubstitution';
  });
  return substitutes ? assignments : [...assignments, succeed];
}

const colon: Statement = {
  type: 'Statement',
  pipelines: [
    {
      type: 'Pipeline',
      commands: [{ type: 'SimpleCommand', name: word(':'), args: [], assignments: [], redirections: [] }],
      negated: false,
      timed: false,
      timePosix: false,
    },
  ],
  operators: [],
  background: false,
};

/** `_=$(:)` */
const succeed: SimpleCommand['assignments'][number] = {
  type: 'Assignment',
  name: '_',
  value: {
    type: 'Word',
    parts: [{ type: 'CommandSubstitution', body: { type: 'Script', statements: [colon] }, legacy: false }],
  },
  append: false,
  array: null,
};

/** The text of a word that is nothing but text. `[` alone is parsed as the beginning of a pattern. */
function literalOf({ parts }: Word): string | undefined {
  const [part, ...others] = parts;
  if (others.length > 0) return undefined;
  if (part?.type === 'Literal') return part.value;
  return part?.type === 'Glob' && part.pattern === '[' ? part.pattern : undefined;
}

function word(value: string): Word {
  return { type: 'Word', parts: [{ type: 'Literal', value }] };
}
