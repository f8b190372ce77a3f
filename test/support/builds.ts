import type { Platform } from './platform.ts';
import { request } from './request.ts';

export interface Build {
  id: string;
  status: string;
  output_stream_url: string;
  release: { id: string } | null;
  buildpacks: { url: string; name: string }[];
  source_blob: { url: string; version: string | null };
}

/** Uploads to a URL that the platform signed. */
export function put(platform: Platform, url: string, body: Buffer): Promise<{ status: number; text: string }> {
  const { pathname, search } = new URL(url);
  return request(platform.port, 'localhost', pathname + search, {
    method: 'PUT',
    body,
    headers: { 'content-length': String(body.length) },
  });
}

/** Uploads an archive to a new source and returns the URL that a build takes. */
export async function uploadSource(platform: Platform, archive: Buffer): Promise<string> {
  type Source = { source_blob: { get_url: string; put_url: string } };
  const { body } = await platform.api<Source>('POST', '/sources');
  const { status, text } = await put(platform, body.source_blob.put_url, archive);
  if (status !== 200) throw new Error(`The upload was answered ${status}: ${text}`);
  return body.source_blob.get_url;
}

/** Asks for a build and follows it to its end. */
export async function build(
  platform: Platform,
  app: string,
  order: { source_blob: Record<string, unknown>; buildpacks?: unknown },
): Promise<Build & { output: string }> {
  const { status, body } = await platform.api<Build>('POST', `/apps/${app}/builds`, order);
  if (status !== 201) throw new Error(`The build was answered ${status}: ${JSON.stringify(body)}`);
  const output = await outputOf(platform, body);
  const ended = await platform.api<Build>('GET', `/apps/${app}/builds/${body.id}`);
  return { ...ended.body, output };
}

/** The output of a build, to its end, by its URL alone. */
export async function outputOf(platform: Platform, { output_stream_url: url }: Build): Promise<string> {
  const { pathname, search } = new URL(url);
  return (await request(platform.port, 'localhost', pathname + search)).text;
}
