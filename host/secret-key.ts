/**
 * The key that encrypts config vars at rest: 32 bytes in base64, a line of a file. While it is being replaced the file
 * has two lines, the new key and the one before, so that whatever is sealed by either opens after a stop at any moment.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { StartError } from './settings.ts';

const newKey = (): string => randomBytes(32).toString('base64');

export class SecretKey {
  readonly #file: string;
  #keys: string[];

  /**
   * Reads the key's file, or makes it.
   * @throws StartError when it holds anything else, or cannot be made
   */
  constructor(file: string) {
    this.#file = file;
    try {
      writeFileSync(file, `${newKey()}\n`, { mode: 0o600, flag: 'wx', flush: true });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new StartError(`The secret key ${file} cannot be made: ${message}.`);
    }
    this.#keys = readFileSync(file, 'utf8').trim().split('\n');
    if (this.#keys.length > 2 || this.#keys.some((key) => Buffer.from(key, 'base64').length !== 32)) {
      throw new StartError(`The secret key ${file} is not 32 bytes in base64. Bring back the file that belongs here.`);
    }
  }

  get current(): string {
    return this.#keys[0] ?? '';
  }

  /** The key before, while something may still be sealed by it. */
  get previous(): string | undefined {
    return this.#keys[1];
  }

  /**
   * Puts a new key in the place of the present one.
   * @throws StartError while the last replacement is not done
   */
  replace(): void {
    if (this.previous) throw new StartError('The key before is still in use; the next start finishes with it.');
    this.#write([newKey(), this.current]);
  }

  /** Forgets the key before: nothing is sealed by it any more. */
  forgetPrevious(): void {
    this.#write([this.current]);
  }

  #write(keys: string[]): void {
    const next = `${this.#file}.new`;
    writeFileSync(next, keys.map((key) => `${key}\n`).join(''), { mode: 0o600, flush: true });
    renameSync(next, this.#file);
    this.#keys = keys;
  }
}
