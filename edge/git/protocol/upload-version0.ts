/**
 * Protocol versions 0 and 1 over HTTP (gitprotocol-http, "Smart Service git-upload-pack"): every request says again
 * what is wanted and what is known to be common.
 */
import { GitError } from '../errors.ts';
import type { Oid } from '../objects/oid.ts';
import type { ByteReader } from './byte-reader.ts';
import { readOid, readWants } from './fetch-request.ts';
import { FLUSH, lineText, pktLine, readPktLine } from './pkt-line.ts';
import { gitResponse } from './service.ts';
import { shallowLines, type Upload } from './upload-pack.ts';

export async function negotiateVersion0(reader: ByteReader, upload: Upload): Promise<Response> {
  const request = await readWants(reader);
  const { features, wants } = request;
  if (wants.length === 0) return gitResponse('upload-pack-result', '');
  await upload.checkWants(wants);
  const cut = await upload.cut(request);
  const lines = cut ? [...shallowLines(cut), FLUSH] : [];
  const detailed = features.has('multi_ack_detailed');
  const multi = detailed || features.has('multi_ack');
  const common = new Set<Oid>();
  let last: Oid | undefined;
  let ready = false;
  for (;;) {
    const line = await readPktLine(reader);
    if (line?.type === 'data') {
      const text = lineText(line.payload);
      if (text === 'done') {
        lines.push(pktLine(last ? `ACK ${last}\n` : 'NAK\n'));
        return upload.answer(request, common, cut, lines);
      }
      if (!text.startsWith('have ')) {
        throw new GitError(`git upload-pack: expected SHA1 list, got '${text.slice(0, 100)}'`);
      }
      const [oid] = await upload.common([readOid(text)]);
      if (oid) {
        const first = last === undefined;
        common.add(oid);
        last = oid;
        if (detailed) lines.push(pktLine(`ACK ${oid} common\n`));
        else if (multi) lines.push(pktLine(`ACK ${oid} continue\n`));
        else if (first) lines.push(pktLine(`ACK ${oid}\n`));
      }
      continue;
    }
    if (!line) break;
    if (detailed && last && !ready && (await upload.isReady(wants, common))) {
      lines.push(pktLine(`ACK ${last} ready\n`));
      ready = true;
    }
    if (common.size === 0 || multi) lines.push(pktLine('NAK\n'));
    if (ready && features.has('no-done')) {
      lines.push(pktLine(`ACK ${last}\n`));
      return upload.answer(request, common, cut, lines);
    }
  }
  return gitResponse('upload-pack-result', Buffer.concat(lines));
}
