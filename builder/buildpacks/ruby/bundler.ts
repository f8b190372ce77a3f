/** Asks Bundler itself what a Gemfile says: it is Ruby, so that it runs in a machine. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as z from 'zod';
import { createSandbox, LimitError } from '../../../sandbox/index.ts';
import { BuildFailure } from '../../failure.ts';
import { limited } from '../../limited.ts';
import { machineOptions, overLimit } from '../../machine-options.ts';
import type { BuildContext } from '../buildpack.ts';
import { engineFile } from './engine.ts';
import { serverOf } from './install.ts';
import { BUNDLER_COMMAND, bundlerPrograms } from './machine.ts';

const request = z.object({ id: z.number(), url: z.string(), headers: z.record(z.string(), z.string()) });

/** What Bundler asks a gem server for; a line of JSON. */
export type IndexRequest = z.infer<typeof request>;

/** The answer to it; with `error` there is none. */
export interface IndexAnswer {
  id: number;
  status: number;
  headers: Record<string, string>;
  /** In base64. */
  body: string;
  error?: string;
}

/** A path in the tree, which does not lead out of it. */
const inside = z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))/);

const bundle = z.object({
  /** Gemfile.lock, as it is or as Bundler would write it. */
  lock: z.string(),
  /** What the Gemfile says of Ruby's version: `~> 3.4`. */
  ruby: z.array(z.string()).nullable(),
  gems: z.array(
    z.object({ name: z.string(), needed: z.boolean(), groups: z.array(z.string()), require: z.array(z.string()) }),
  ),
  /** Gems that the engine has, as `rake-13.3.1`. */
  own: z.array(z.string()),
  /** Gems in directories of the app. */
  paths: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      directory: inside,
      require_paths: z.array(inside),
      executables: z.array(inside),
      extensions: z.array(z.string()),
    }),
  ),
});

export type Bundle = z.infer<typeof bundle>;
export type LocalGem = Bundle['paths'][number];

const outcome = z.union([bundle, z.object({ error: z.string() })]);

/** Below a gem server, what an index is made of: the compact one, the one before it, and names of what a gem needs. */
const INDEX =
  /\/(versions|names|info\/[\w.-]+|(latest_|prerelease_)?specs\.4\.8\.gz|quick\/Marshal\.4\.8\/[\w.-]+\.rz|api\/v1\/dependencies)$/;

/** Of what Bundler asks with, what a gem server needs to know. */
const ASKED = ['authorization', 'if-none-match', 'if-modified-since', 'range'];
/** Of an answer, what Bundler looks at. */
const TOLD = ['etag', 'repr-digest', 'digest', 'content-type', 'content-range', 'last-modified', 'accept-ranges'];

/** Statuses that Bundler itself makes something of. */
const ANSWERS = [304, 401, 403, 404, 413, 416, 429];

/** Most bytes of an answer, unpacked; the list of all gems has some twenty million. */
const MAX_BYTES = 128 * 1024 ** 2;

const decompress = promisify(gunzip);

/**
 * Evaluates the Gemfile, and resolves it where there is no Gemfile.lock.
 *
 * @param env what the app's own environment has before its config vars
 * @throws BuildFailure with what Bundler says against it
 */
export async function runBundler(context: BuildContext, env: Readonly<Record<string, string>>): Promise<Bundle> {
  const { tree, config, signal, log } = context;
  const sandbox = await createSandbox(machineOptions(context));
  try {
    await sandbox.writeEntries(await bundlerPrograms(await readFile(await engineFile(context))));
    await sandbox.importDirectory(tree, '/app');
    const printed = log.indented();
    const decoder = new TextDecoder();
    let said = '';
    let result: string | undefined;
    const lines = linesOf((line) => {
      const asked = request.safeParse(parseJson(line));
      if (asked.success)
        void answer(asked.data, context).then((reply) => child.writeStdin(`${JSON.stringify(reply)}\n`));
      else result = line;
    });
    const child = sandbox.spawn('node', BUNDLER_COMMAND, {
      cwd: '/app',
      env: { BUNDLE_WITHOUT: 'development:test', ...env, ...config },
      stdin: 'pipe',
      onStdout: lines,
      onStderr: (chunk) => {
        const text = decoder.decode(chunk, { stream: true });
        said += text;
        printed.write(text);
      },
    });
    const { exitCode } = await child.exited;
    printed.end();
    const read = outcome.safeParse(parseJson(result ?? ''));
    if (exitCode !== 0 || !read.success) {
      const last = said.trim().split('\n').at(-1) ?? '';
      throw new BuildFailure('Bundler could not read the Gemfile.', {
        help: [`Its output above says why${last === '' ? '.' : `: ${last.slice(0, 300)}`}`],
      });
    }
    if ('error' in read.data) {
      throw new BuildFailure('Bundler does not accept the Gemfile.', { details: read.data.error.trim().split('\n') });
    }
    return read.data;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LimitError) throw overLimit(error);
    throw error;
  } finally {
    await sandbox.close();
  }
}

/** Fetches a part of a gem server's index; never throws. */
async function answer({ id, url, headers }: IndexRequest, context: BuildContext): Promise<IndexAnswer> {
  const { web, signal } = context;
  try {
    const { pathname } = new URL(url);
    if (!INDEX.test(pathname)) throw new Error(`${pathname} is no part of a gem server's index`);
    const what = `The index ${new URL(url).host}${pathname}`;
    const response = await web.fetch(mirrored(url), {
      what,
      headers: { ...pick(headers, ASKED), 'accept-encoding': 'gzip' },
      answers: ANSWERS,
      signal,
    });
    const packed = await buffer(limited(response, MAX_BYTES, what));
    const isPacked = response.headers['content-encoding'] === 'gzip';
    const body = isPacked ? await decompress(packed, { maxOutputLength: MAX_BYTES }) : packed;
    return {
      id,
      status: response.statusCode ?? 0,
      headers: pick(response.headers as Record<string, string>, TOLD),
      body: body.toString('base64'),
    };
  } catch (error) {
    return { id, status: 0, headers: {}, body: '', error: (error as Error).message };
  }
}

/** The URL at the mirror that this host is set to use, whatever server it names. */
function mirrored(url: string): string {
  const [path = ''] = INDEX.exec(new URL(url).pathname) ?? [];
  const { search } = new URL(url);
  const remote = url.slice(0, url.length - search.length - path.length);
  return serverOf(remote) + path.slice(1) + search;
}

function pick(fields: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name.toLowerCase())));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Gives whole lines of output to a function. */
function linesOf(take: (line: string) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk) => {
    const [...lines] = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  };
}
