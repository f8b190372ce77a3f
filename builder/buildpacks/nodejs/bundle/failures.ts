import { formatMessages, type Message } from 'esbuild';
import { BuildFailure } from '../../../failure.ts';

/** Says what esbuild found wrong in an app, with file, line and the line's text. */
export async function bundleFailure(errors: readonly Message[]): Promise<BuildFailure> {
  const shown = errors.slice(0, 10);
  // Which part of the bundler found it is no concern of the reader.
  const messages = shown.map((message) => ({ ...message, pluginName: '' }));
  const formatted = await formatMessages(messages, { kind: 'error', color: false, terminalWidth: 100 });
  const details = formatted.flatMap((text) => text.trimEnd().split('\n'));
  if (errors.length > shown.length) details.push(`… and ${errors.length - shown.length} more`);

  const [first] = errors;
  const where = first?.location ? `${first.location.file}:${first.location.line}: ` : '';
  const help = errors
    .map(({ detail }) => (isHelp(detail) ? detail.help : undefined))
    .find((text) => text !== undefined);
  return new BuildFailure(`${where}${first?.text ?? 'The app could not be bundled.'}`, {
    details,
    help: help === undefined ? [] : [help],
  });
}

/** What the plug-in may hang on a message as its `detail`. */
export interface MessageHelp {
  help: string;
}

function isHelp(detail: unknown): detail is MessageHelp {
  return typeof detail === 'object' && detail !== null && 'help' in detail && typeof detail.help === 'string';
}
