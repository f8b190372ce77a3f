import { ArchiveError } from './archive.ts';
import { StartError } from './settings.ts';

/** Runs a command of one person at a terminal: what it throws for them is printed, and it ends with 1. */
export async function run(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    console.error(error instanceof StartError || error instanceof ArchiveError ? error.message : error);
    process.exitCode = 1;
  }
}
