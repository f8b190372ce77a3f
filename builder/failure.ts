/**
 * A build that cannot succeed, told to the person who pushed.
 *
 * Everything else that is thrown inside a build is a defect of the builder and is reported as such.
 */
export class BuildFailure extends Error {
  override name = 'BuildFailure';
  /** What a tool said about it, line by line: printed before the reason. */
  readonly details: readonly string[];
  /** What to do about it, line by line: printed after the reason. */
  readonly help: readonly string[];

  /**
   * @param reason one sentence; it is also the result's `reason`
   */
  constructor(
    reason: string,
    { details = [], help = [], cause }: { details?: readonly string[]; help?: readonly string[]; cause?: unknown } = {},
  ) {
    super(reason, { cause });
    this.details = details;
    this.help = help;
  }
}
