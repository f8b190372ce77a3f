/** What a client sent, or asked for, that cannot be done. Its message is one line that a person reads in a terminal. */
export class GitError extends Error {
  override name = 'GitError';
}

/** Why the tree of a commit cannot be handed to a build. */
export type TreeErrorCode = 'missing' | 'submodule' | 'unsafe-link';

/** Thrown by `readTree`. */
export class TreeError extends GitError {
  override name = 'TreeError';
  readonly code: TreeErrorCode;

  constructor(code: TreeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
