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

/** Commands that change or use the shell itself. */
const builtins = new Set(
  '. : [ [[ alias bg bind break builtin caller case cd command compgen complete continue declare dirs disown do done elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if jobs let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while'.split(
    ' ',
  ),
);

/**
 * @param streams which of `i`, `o` and `e` the script has from its task
 * @param scriptPath what `$0` is, for a script that is a file
 */
export function planScript(script: Script, { streams, scriptPath }: { streams: string; scriptPath?: string }): Script {
  const functions = new Set<string>();
  walk(script, (node) => {
    if (node.type === 'FunctionDef') functions.add(String(node.name));
    if (node.type === 'ParameterExpansion' && node.parameter === '0' && scriptPath !== undefined && !node.operation) {
      for (const key of Object.keys(node)) delete node[key];
      Object.assign(node, { type: 'SingleQuoted', value: scriptPath });
    }
  });
  planStatements(script.statements, streams, functions);
  return script;
}

function walk(node: unknown, see: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) see(node as Record<string, unknown>);
  for (const child of Object.values(node)) walk(child, see);
}

function planStatements(statements: readonly Statement[], streams: string, functions: ReadonlySet<string>): void {
  for (const { pipelines } of statements) {
    for (const { commands, pipeStderr } of pipelines) {
      for (const [index, command] of commands.entries()) {
        let own = streams;
        if (index > 0) own = own.replace('i', '');
        if (index < commands.length - 1) own = own.replace(pipeStderr?.[index] ? /[oe]/g : 'o', '');
        planCommand(command, own, functions);
      }
    }
  }
}

function planCommand(command: Node, outer: string, functions: ReadonlySet<string>): void {
  let streams = outer;
  for (const { operator } of command.redirections) {
    streams = streams.replace(operator.startsWith('<') ? 'i' : /[oe]/g, '');
  }
  const plan = (statements: readonly Statement[] | null) => planStatements(statements ?? [], streams, functions);
  switch (command.type) {
    case 'SimpleCommand':
      planSimpleCommand(command, streams, functions);
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
      if ('body' in command.body && Array.isArray(command.body.body)) planStatements(command.body.body, '', functions);
      return;
  }
}

function planSimpleCommand(command: SimpleCommand, streams: string, functions: ReadonlySet<string>): void {
  const { name } = command;
  if (name === null) return;
  const literal = name.parts.length === 1 && name.parts[0]?.type === 'Literal' ? name.parts[0].value : undefined;
  if (literal !== undefined && (builtins.has(literal) || functions.has(literal))) return;
  command.args = [word(streams === '' ? '-' : streams), name, ...command.args];
  command.name = word(runCommand);
}

function word(value: string): Word {
  return { type: 'Word', parts: [{ type: 'Literal', value }] };
}
