/** The memory of an engine that has started: made once for all apps, as a start takes seconds otherwise. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSandbox } from '../../../sandbox/index.ts';
import { writeWhole } from '../../write-whole.ts';
import { engineFiles } from './engine.ts';
import { SNAPSHOT_COMMAND, snapshotPrograms } from './machine.ts';

/** Of the standard library, what servers and frameworks import. */
const MODULES = [
  ...['abc', 'argparse', 'array', 'ast', 'asyncio', 'base64', 'bisect', 'calendar', 'codecs', 'collections.abc'],
  ...['concurrent.futures', 'configparser', 'contextlib', 'contextvars', 'copy', 'csv', 'dataclasses', 'datetime'],
  ...['decimal', 'difflib', 'email.header', 'email.message', 'email.mime.multipart', 'email.mime.text', 'email.policy'],
  ...['email.utils', 'enum', 'fnmatch', 'fractions', 'functools', 'getpass', 'gettext', 'glob', 'gzip', 'hashlib'],
  ...['heapq', 'hmac', 'html', 'html.parser', 'http.client', 'http.cookies', 'http.server', 'importlib.metadata'],
  ...['importlib.resources', 'inspect', 'io', 'ipaddress', 'itertools', 'json', 'linecache', 'locale', 'logging'],
  ...['logging.config', 'logging.handlers', 'mimetypes', 'numbers', 'operator', 'pathlib', 'pickle', 'pkgutil'],
  ...['platform', 'pprint', 'queue', 'quopri', 'random', 're', 'runpy', 'secrets', 'selectors', 'shutil', 'signal'],
  ...['socket', 'socketserver', 'stat', 'statistics', 'string', 'stringprep', 'struct', 'subprocess', 'tarfile'],
  ...['tempfile', 'textwrap', 'threading', 'time', 'timeit', 'token', 'tokenize', 'traceback', 'types', 'typing'],
  ...[
    'unicodedata',
    'unittest',
    'urllib.parse',
    'urllib.request',
    'uuid',
    'warnings',
    'weakref',
    'wsgiref.simple_server',
  ],
  ...['xml.dom.minidom', 'xml.etree.ElementTree', 'xml.sax', 'zipfile', 'zipimport', 'zlib', 'zoneinfo'],
];

const making = new Map<string, Promise<void>>();

/**
 * The file with the memory of an engine.
 *
 * @param cache where it is kept between builds
 */
export async function snapshotFile(cache: string): Promise<string> {
  const engine = new Map<string, Uint8Array>();
  for (const [name, file] of engineFiles()) engine.set(name, await readFile(file));
  const programs = await snapshotPrograms(engine);
  const hash = createHash('sha256').update(JSON.stringify(MODULES));
  for (const entry of programs) if (entry.type === 'file') hash.update(entry.content);
  const file = join(cache, 'python', `${hash.digest('hex')}.snapshot`);
  if (existsSync(file)) return file;
  const made = making.get(file) ?? make(file, programs).finally(() => making.delete(file));
  making.set(file, made);
  await made;
  return file;
}

async function make(file: string, programs: Awaited<ReturnType<typeof snapshotPrograms>>): Promise<void> {
  const sandbox = await createSandbox({ limits: { wallMs: 120_000 } });
  try {
    await sandbox.writeEntries(programs);
    let output = '';
    const decoder = new TextDecoder();
    const take = (chunk: Uint8Array) => {
      output += decoder.decode(chunk);
    };
    await sandbox.writeEntries([{ type: 'directory', path: '/out', mode: 0o755 }]);
    const command = `${SNAPSHOT_COMMAND} /out/snapshot.bin ${MODULES.join(' ')}`;
    const { exitCode } = await sandbox.run(command, { onStdout: take, onStderr: take });
    if (exitCode !== 0) throw new Error(`The memory of Python could not be taken:\n${output}`);
    for (const entry of await sandbox.exportChanges('/out')) {
      if (entry.type === 'file') await writeWhole(file, entry.content);
    }
  } finally {
    await sandbox.close();
  }
}
