import { GitError } from './errors.ts';
import { advertisement } from './protocol/advertise.ts';
import { pktLine } from './protocol/pkt-line.ts';
import { receivePack } from './protocol/receive-pack.ts';
import { type GitContext, gitResponse, protocolVersion, repositoryOf } from './protocol/service.ts';
import { uploadPack } from './protocol/upload-pack.ts';

/**
 * Answers a request of git's smart HTTP protocol (gitprotocol-http). The caller has found the app, and made sure that
 * whoever asks may see it.
 */
export async function handleGit(request: Request, context: GitContext): Promise<Response> {
  try {
    return await route(request, context);
  } catch (error) {
    // Before the answer has begun, what is wrong can still be told as a protocol error, which git shows.
    if (!(error instanceof GitError)) throw error;
    return gitResponse(`${context.service.replace(/^git-/, '')}-result`, pktLine(`ERR ${error.message}\n`));
  }
}

async function route(request: Request, context: GitContext): Promise<Response> {
  const { service } = context;
  if (service === 'info/refs') return advertise(request, context);
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') return text('Not found\n', 404);
  if (request.method !== 'POST') return text('Method not allowed\n', 405, { allow: 'POST' });
  if (request.headers.get('content-type') !== `application/x-${service}-request`) {
    return text(`Expected the content type application/x-${service}-request\n`, 415);
  }
  return service === 'git-receive-pack' ? receivePack(request, context) : uploadPack(request, context);
}

async function advertise(request: Request, { app, env }: GitContext): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text('Method not allowed\n', 405, { allow: 'GET, HEAD' });
  }
  const asked = new URL(request.url).searchParams.get('service');
  if (asked !== 'git-upload-pack' && asked !== 'git-receive-pack') {
    return text('This server speaks the smart HTTP protocol only; use git 1.6.6 or newer.\n', 403);
  }
  const service = asked === 'git-upload-pack' ? 'upload-pack' : 'receive-pack';
  const snapshot = await repositoryOf(env, app.id).snapshot();
  return gitResponse(`${service}-advertisement`, advertisement(service, protocolVersion(request), snapshot));
}

const text = (body: string, status: number, headers: Record<string, string> = {}): Response =>
  new Response(body, { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers } });
