/** Protocol version 2 (gitprotocol-v2): each request is one command with its arguments. */
import { GitError } from '../errors.ts';
import type { ByteReader } from './byte-reader.ts';
import { emptyFetchRequest, readFetchLine } from './fetch-request.ts';
import { DELIM, FLUSH, lineText, pktLine, readPktLine } from './pkt-line.ts';
import { gitResponse } from './service.ts';
import { shallowLines, type Upload } from './upload-pack.ts';

export async function answerVersion2(reader: ByteReader, upload: Upload): Promise<Response> {
  const { command, args } = await readCommand(reader);
  if (command === 'ls-refs')
    return gitResponse('upload-pack-result', Buffer.concat([...listRefs(args, upload), FLUSH]));
  if (command === 'fetch') return fetchVersion2(args, upload);
  throw new GitError(command ? `invalid command '${command.slice(0, 100)}'` : 'no command requested');
}

const MAX_ARGS = 300_000;

async function readCommand(reader: ByteReader): Promise<{ command: string; args: string[] }> {
  let command = '';
  const args: string[] = [];
  let inArgs = false;
  for (;;) {
    const line = await readPktLine(reader);
    if (!line || line.type === 'flush') return { command, args };
    if (line.type === 'delim') inArgs = true;
    else if (inArgs) args.push(lineText(line.payload));
    else {
      const [, name] = /^command=(.*)$/.exec(lineText(line.payload)) ?? [];
      command = name ?? command;
      const [, format = 'sha1'] = /^object-format=(.*)$/.exec(lineText(line.payload)) ?? [];
      if (format !== 'sha1') throw new GitError(`mismatched object format: server sha1; client ${format.slice(0, 20)}`);
    }
    if (args.length > MAX_ARGS) throw new GitError(`a request may have at most ${MAX_ARGS} lines`);
  }
}

function listRefs(args: string[], { snapshot: { head, refs } }: Upload): Uint8Array[] {
  const flags = new Set(args);
  const prefixes = args.flatMap((arg) => (arg.startsWith('ref-prefix ') ? [arg.slice('ref-prefix '.length)] : []));
  const asked = (name: string) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix));
  const lines: Uint8Array[] = [];
  if (asked('HEAD')) {
    const target = refs.find(({ name }) => name === head);
    const symref = flags.has('symrefs') ? ` symref-target:${head}` : '';
    if (target) lines.push(pktLine(`${target.oid} HEAD${symref}\n`));
    else if (flags.has('unborn')) lines.push(pktLine(`unborn HEAD${symref}\n`));
  }
  for (const { name, oid, peeled } of refs) {
    if (asked(name)) lines.push(pktLine(`${oid} ${name}${peeled && flags.has('peel') ? ` peeled:${peeled}` : ''}\n`));
  }
  return lines;
}

async function fetchVersion2(args: string[], upload: Upload): Promise<Response> {
  const request = emptyFetchRequest();
  for (const line of args) readFetchLine(request, line);
  // Version 2 always answers in bands.
  request.features.add('side-band-64k');
  await upload.checkWants(request.wants);
  const common = await upload.common(request.haves);
  const head: Uint8Array[] = [];
  if (!request.done) {
    const ready = await upload.isReady(request.wants, common);
    head.push(pktLine('acknowledgments\n'));
    for (const oid of common) head.push(pktLine(`ACK ${oid}\n`));
    if (common.size === 0) head.push(pktLine('NAK\n'));
    if (!ready || request.features.has('wait-for-done')) {
      return gitResponse('upload-pack-result', Buffer.concat([...head, FLUSH]));
    }
    head.push(pktLine('ready\n'), DELIM);
  }
  const cut = await upload.cut(request);
  if (cut && cut.shallow.length + cut.unshallow.length > 0) {
    head.push(pktLine('shallow-info\n'), ...shallowLines(cut), DELIM);
  }
  head.push(pktLine('packfile\n'));
  return upload.answer(request, common, cut, head);
}
