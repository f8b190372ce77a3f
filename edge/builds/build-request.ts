import type { BuildOrder } from '../../schema/build.ts';
import { hexOf } from '../platform/checksum.ts';
import type { Config } from '../platform/releases.ts';

/** A commit, and the push that brought it: its refs move when the build succeeds. */
export interface PushedSource {
  type: 'push';
  commit: string;
  subject: string | null;
  pushId: string;
}

/** An archive: one that was uploaded to `/sources`, which has an `id`, or one that is anywhere on the internet. */
export interface SourceBlob {
  type: 'blob';
  url: string;
  id: string | null;
  /** As edge/platform/checksum.ts says. */
  checksum: string | null;
  version: string | null;
  /** What the person says of the version. */
  description: string | null;
}

/** A slug that was uploaded: it is built already, and is only assembled. */
export interface UploadedSlug {
  type: 'slug';
  id: string;
  checksum: string | null;
  commit: string | null;
  /** What its release is to be called. */
  description: string;
  processTypes: Record<string, string>;
}

/** What is to be built, and on whose word. */
export interface BuildRequest {
  id: string;
  app: { id: string; name: string };
  userId: string;
  source: PushedSource | SourceBlob | UploadedSlug;
  /** Official names or URLs, in order; none where the source decides. */
  buildpacks: string[];
}

/** What the person calls what is built: a commit, or a version of their own. */
export const versionOf = ({ source }: BuildRequest): string | null =>
  source.type === 'blob' ? source.version : source.commit;

/** What the release of a build is called: `Deploy 1a2b3c4d`. */
export function describeRelease(request: BuildRequest): string {
  if (request.source.type === 'slug') return request.source.description;
  return `Deploy ${(versionOf(request) || request.id).slice(0, 8)}`;
}

/**
 * The order for the builder.
 *
 * @param edgeUrl the edge as the builder reaches it
 * @param config the app's config vars
 */
export function orderOf(request: BuildRequest, { edgeUrl, config }: { edgeUrl: string; config: Config }): BuildOrder {
  const { id, app, source, buildpacks } = request;
  const internal = `${edgeUrl}/internal`;
  const version = versionOf(request);
  return {
    id,
    app,
    buildpacks,
    config,
    source: { ...whereIs(source), sha256: source.type === 'push' ? null : hexOf(source.checksum), version },
    slug: source.type === 'slug' ? { processTypes: source.processTypes } : null,
    slugs: `${internal}/slugs`,
    engines: `${internal}/engines`,
    caches: `${internal}/caches/${app.id}`,
  };

  function whereIs(from: BuildRequest['source']): Pick<BuildOrder['source'], 'url' | 'from'> {
    if (from.type === 'push') {
      return { url: `${internal}/source/${app.id}/${from.commit}?push=${from.pushId}`, from: 'push' };
    }
    if (from.type === 'slug') return { url: `${internal}/uploads/${app.id}/${from.id}`, from: 'upload' };
    if (from.id === null) return { url: from.url, from: 'internet' };
    return { url: `${internal}/sources/${from.id}`, from: 'upload' };
  }
}
