import mime from 'mime';
import type { AssetsConfig } from '../../../../schema/assets.ts';
import { findFile } from './html-handling.ts';
import { parseRange } from './range.ts';
import { applyHeaders, type HeaderRule, parseHeaders, parseRedirects, type Redirect, redirectOf } from './rules.ts';

/** A smaller file gains nothing by compression. */
const COMPRESS_FROM = 1_024;

/** What compression makes smaller. */
const COMPRESSIBLE = /^text\/|[/+](?:javascript|json|xml|wasm)$|^image\/svg|^font\/(?:ttf|otf)|x-font|manifest/;

interface Asset {
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
  etag?: Promise<string>;
  /** Undefined where it would be larger. */
  gzip?: Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** An app's static files: with etags, ranges, compression, `_headers` and `_redirects`. */
export class Assets {
  readonly #assets = new Map<string, Asset>();
  readonly #config: AssetsConfig;
  readonly #headers: HeaderRule[];
  readonly #redirects: Redirect[];

  /**
   * @param files by their path below the directory, which begins with a slash
   * @param report takes what is wrong with `_headers` and `_redirects`
   */
  constructor(
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    config: AssetsConfig,
    report: (problem: string) => void,
  ) {
    for (const [path, bytes] of files) this.#assets.set(path, { bytes, type: contentType(path) });
    this.#config = config;
    this.#redirects = parseRedirects(this.#take('/_redirects'), report);
    this.#headers = parseHeaders(this.#take('/_headers'), report);
  }

  /** Answers a request, with 404 where there is no file. */
  async fetch(request: Request): Promise<Response> {
    return (await this.find(request)) ?? this.#notFound(request);
  }

  /** Answers a request for a file that is there, or for one that is redirected. */
  async find(request: Request): Promise<Response | undefined> {
    const url = new URL(request.url);
    const path = decodePath(url.pathname);
    if (path === undefined) return undefined;
    const redirect = redirectOf(path, this.#redirects);
    if (redirect && redirect.status !== 200) return redirectTo(redirect.to, redirect.status, url.search);
    const found = findFile(redirect?.to ?? path, this.#config.htmlHandling, (file) => this.#assets.has(file));
    if (!found) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response('Method Not Allowed', { status: 405, headers: { allow: 'GET, HEAD' } });
    }
    if ('redirect' in found) return redirectTo(encodeURI(found.redirect), 307, url.search);
    return this.#serve(found.file, path, request);
  }

  async #notFound(request: Request): Promise<Response> {
    const path = decodePath(new URL(request.url).pathname) ?? '/';
    const { notFoundHandling } = this.#config;
    const asks = request.method === 'GET' || request.method === 'HEAD';
    if (asks && notFoundHandling === 'single-page-application' && this.#assets.has('/index.html')) {
      return this.#serve('/index.html', path, request);
    }
    const page = notFoundHandling === '404-page' ? this.#nearest404(path) : undefined;
    return asks && page ? this.#serve(page, path, request, 404) : new Response('Not Found', { status: 404 });
  }

  #nearest404(path: string): string | undefined {
    for (let directory = path; directory !== ''; ) {
      directory = directory.slice(0, directory.lastIndexOf('/'));
      if (this.#assets.has(`${directory}/404.html`)) return `${directory}/404.html`;
    }
    return undefined;
  }

  /** @param path as it was asked for, to which the rules of `_headers` apply */
  async #serve(file: string, path: string, request: Request, status = 200): Promise<Response> {
    const asset = this.#assets.get(file);
    if (!asset) throw new Error(`There is no file ${file}.`);
    const gzip = acceptsGzip(request) && !request.headers.has('range') ? await gzipOf(asset) : undefined;
    asset.etag ??= digest(asset.bytes);
    const etag = `"${await asset.etag}${gzip ? '-gzip' : ''}"`;
    const headers = new Headers({
      'content-type': asset.type,
      'cache-control': 'public, max-age=0, must-revalidate',
      etag,
      'accept-ranges': 'bytes',
      ...(isCompressible(asset) && { vary: 'Accept-Encoding' }),
    });
    applyHeaders(headers, path, this.#headers);
    if (status === 200 && matches(request.headers.get('if-none-match'), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const range = status === 200 ? parseRange(request.headers, etag, asset.bytes.length) : undefined;
    if (range === 'unsatisfiable') {
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${asset.bytes.length}` } });
    }
    if (range) headers.set('content-range', `bytes ${range.start}-${range.end}/${asset.bytes.length}`);
    if (gzip) headers.set('content-encoding', 'gzip');
    const bytes = range ? asset.bytes.subarray(range.start, range.end + 1) : (gzip ?? asset.bytes);
    headers.set('content-length', String(bytes.length));
    const init = { status: range ? 206 : status, headers, ...(gzip && { encodeBody: 'manual' }) };
    return new Response(request.method === 'HEAD' ? null : bytes, init);
  }

  /** The text of a file with rules, which is not served. */
  #take(path: string): string {
    const asset = this.#assets.get(path);
    this.#assets.delete(path);
    return asset ? new TextDecoder().decode(asset.bytes) : '';
  }
}

/** Undefined when it cannot be decoded. A path beginning with two slashes would be another host in a redirect. */
function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname).replace(/^\/+/, '/');
  } catch {
    return undefined;
  }
}

function redirectTo(location: string, status: number, search: string): Response {
  const [target = '', fragment] = location.split('#');
  const query = target.includes('?') ? '' : search;
  const headers = { location: `${target}${query}${fragment === undefined ? '' : `#${fragment}`}` };
  return new Response(null, { status, headers });
}

function contentType(path: string): string {
  const type = mime.getType(path) ?? 'application/octet-stream';
  return /^text\/|javascript$|json$|xml$/.test(type) ? `${type}; charset=utf-8` : type;
}

const isCompressible = ({ type, bytes }: Asset) =>
  bytes.length >= COMPRESS_FROM && COMPRESSIBLE.test(type.split(';', 1)[0] ?? '');

function acceptsGzip({ headers }: Request): boolean {
  const accepted = headers.get('accept-encoding')?.split(',') ?? [];
  return accepted.some((coding) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(coding));
}

function gzipOf(asset: Asset): Promise<Uint8Array<ArrayBuffer> | undefined> {
  asset.gzip ??= isCompressible(asset) ? compress(asset.bytes) : Promise.resolve(undefined);
  return asset.gzip;
}

async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  const compressed = new Uint8Array(await new Response(stream).arrayBuffer());
  return compressed.length < bytes.length ? compressed : undefined;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** RFC 9110, 13.1.2: the weak comparison. */
function matches(condition: string | null, etag: string): boolean {
  if (!condition) return false;
  return condition.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}
