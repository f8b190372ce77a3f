import type { Env } from '../env.ts';
import { repositoryOf } from './protocol/service.ts';

export { GitError, TreeError, type TreeErrorCode } from './errors.ts';
export { handleGit } from './handle.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { defaultSchedule, type Schedule } from './maintenance/schedule.ts';
export type { CommitMessage } from './objects/commit.ts';
export type { Oid } from './objects/oid.ts';
export type { GitContext, PreReceive, Progress, Push } from './protocol/service.ts';
export { listLfsPointers, type ReadOptions, readCommit, readTree } from './reading/read-tree.ts';
export { type CommitAnswer, type Ref, type RefUpdate, type Rejection, Repository } from './repository.ts';

/** Removes a repository with all that it has in R2. */
export async function deleteRepository(env: Pick<Env, 'REPOSITORY'>, appId: string): Promise<void> {
  await repositoryOf(env, appId).destroy();
}
