import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes .gem files of the gems that Debian's packages `ruby-*` have installed. */
const PACK = `
  require 'rubygems/package'
  require 'fileutils'
  Dir['/usr/share/rubygems-integration/all/specifications/*.gemspec'].each do |path|
    spec = Gem::Specification.load(path)
    source = "/usr/share/rubygems-integration/all/gems/#{spec.full_name}"
    unless File.directory?(source)
      # Some packages have their files among those of Ruby itself.
      source = File.join(Dir.pwd, 'sources', spec.full_name)
      FileUtils.mkdir_p("#{source}/lib")
      Dir["/usr/lib/ruby/vendor_ruby/{#{spec.name},#{spec.name}.rb}"].each { |file| FileUtils.cp_r(file, "#{source}/lib") }
    end
    output = File.join(Dir.pwd, "#{spec.full_name}.gem")
    next if Dir["#{source}/lib/*"].empty?
    Dir.chdir(source) do
      spec.files = Dir['**/*'].select { |file| File.file?(file) }
      spec.require_paths = ['lib']
      spec.extensions = []
      spec.executables = spec.executables.select { |name| File.file?("#{spec.bindir}/#{name}") }
      spec.extra_rdoc_files = []
      Gem::Package.build(spec, true, false, output)
    end
  end
`;

/** A gem server on loopback, with the gems of this machine: the compact index, and the files. */
export class GemServer {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  /** What is served in the place of a gem, by its file name. */
  readonly tampered = new Map<string, Buffer>();
  readonly #directory: string;
  readonly #server: Server;

  private constructor(directory: string, server: Server, port: number) {
    this.#directory = directory;
    this.#server = server;
    this.url = `http://127.0.0.1:${port}/`;
  }

  static async start(): Promise<GemServer> {
    const directory = await mkdtemp(join(tmpdir(), 'islet-gems-'));
    await run('ruby', ['-e', PACK], { cwd: directory, timeout: 120_000 });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const gems = new GemServer(directory, server, port);
    server.on('request', async ({ url = '/' }, response) => {
      gems.requests.push(url);
      const body = await gems.#answer(url).catch(() => undefined);
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
    return gems;
  }

  /** A Gemfile and the lock of it, with the versions that the server has. */
  async bundle(names: string[], dependencies: Record<string, string[]> = {}): Promise<Record<string, string>> {
    const all = [...new Set([...names, ...Object.entries(dependencies).flat(2)])];
    const specs: string[] = [];
    for (const name of all) {
      specs.push(`    ${name} (${await this.versionOf(name)})`);
      for (const needed of dependencies[name] ?? []) specs.push(`      ${needed}`);
    }
    return {
      Gemfile: [`source '${this.url}'`, ...names.map((name) => `gem '${name}'`), ''].join('\n'),
      'Gemfile.lock': [
        'GEM',
        `  remote: ${this.url}`,
        '  specs:',
        ...specs,
        '',
        'PLATFORMS',
        '  ruby',
        '',
        'DEPENDENCIES',
        ...names.map((name) => `  ${name}`),
        '',
      ].join('\n'),
    };
  }

  /** The version of a gem that is served. */
  async versionOf(name: string): Promise<string> {
    for (const file of await readdir(this.#directory)) {
      const [, version] = new RegExp(`^${name}-(\\d[^-]*)\\.gem$`).exec(file) ?? [];
      if (version) return version;
    }
    throw new Error(`Debian's gem ${name} is not installed.`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #answer(url: string): Promise<Buffer | string> {
    const [, file] = /^\/gems\/([\w.-]+\.gem)$/.exec(url) ?? [];
    if (file) return this.tampered.get(file) ?? readFile(join(this.#directory, file));
    const [, name = ''] = /^\/info\/([\w-]+)$/.exec(url) ?? [];
    const version = await this.versionOf(name);
    const bytes = await readFile(join(this.#directory, `${name}-${version}.gem`));
    return `---\n${version} |checksum:${createHash('sha256').update(bytes).digest('hex')}\n`;
  }
}
