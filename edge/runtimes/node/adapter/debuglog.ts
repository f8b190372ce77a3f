import process from 'node:process';
import util, { type DebugLogger, formatWithOptions } from 'node:util';

/** `util.debuglog` writes for the sections that NODE_DEBUG names (Node.js documentation, "Util"); workerd's, for all. */
export function followNodeDebug(): void {
  const sections = (process.env.NODE_DEBUG ?? '').split(',').filter((name) => name !== '');
  const patterns = sections.map((name) => new RegExp(`^${RegExp.escape(name).replaceAll('\\*', '.*')}$`, 'i'));
  const debuglog = (section: string): DebugLogger => {
    const enabled = patterns.some((pattern) => pattern.test(section));
    const write = (...args: unknown[]) => {
      if (!enabled) return;
      process.stderr.write(`${section.toUpperCase()} ${process.pid}: ${formatWithOptions({}, ...args)}\n`);
    };
    return Object.assign(write, { enabled });
  };
  Object.assign(util, { debuglog, debug: debuglog });
}
