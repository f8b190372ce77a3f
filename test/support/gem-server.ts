import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes .gem files of the gems that Debian's packages `ruby-*` have installed, and of those that come with its Ruby, and
 * the files of an index: the compact one (`versions`, `info`), and the older one (`specs.4.8.gz`, `quick`).
 */
const PACK = `
  require 'rubygems/package'
  require 'digest'
  require 'fileutils'
  require 'zlib'
  specs = []
  FileUtils.mkdir_p('sources')
  Dir['/usr/{share,lib/x86_64-linux-gnu}/rubygems-integration/*/specifications/*.gemspec',
      '/usr/lib/ruby/gems/*/specifications/{minitest,rexml}-*.gemspec'].each do |path|
    spec = Gem::Specification.load(path)
    source = path.sub('/specifications/', '/gems/').delete_suffix('.gemspec')
    unless File.directory?(source)
      # Some packages have their files among those of Ruby itself.
      source = File.join(Dir.pwd, 'sources', spec.full_name)
      found = [spec.name, spec.name[/^[^-]+/]].map { |name| Dir["/usr/lib/ruby/vendor_ruby/{#{name},#{name}.rb}"] }.find(&:any?)
      next unless found
      FileUtils.mkdir_p("#{source}/lib")
      FileUtils.cp_r(found, "#{source}/lib")
    end
    native = path.start_with?('/usr/lib/x86_64-linux-gnu')
    if native
      # Debian has what is compiled; what it was compiled from is named by the specification alone.
      FileUtils.cp_r(source, "sources/#{spec.full_name}")
      source = File.join(Dir.pwd, 'sources', spec.full_name)
      spec.extensions.each { |file| FileUtils.mkdir_p("#{source}/#{File.dirname(file)}"); FileUtils.touch("#{source}/#{file}") }
    end
    output = File.join(Dir.pwd, "#{spec.full_name}.gem")
    Dir.chdir(source) do
      spec.files = Dir['**/*'].select { |file| File.file?(file) }
      spec.require_paths = ['lib'] unless spec.require_paths.all? { |directory| File.directory?(directory) }
      spec.extensions = [] unless native
      spec.executables = spec.executables.select { |name| File.file?("#{spec.bindir}/#{name}") }
      spec.extra_rdoc_files = spec.test_files = []
      Gem::Package.build(spec, true, false, output)
    end
    specs << spec
  end

  FileUtils.mkdir_p(%w[index/info index/quick/Marshal.4.8])
  versions = specs.group_by(&:name).map do |name, all|
    lines = all.map do |spec|
      needs = spec.runtime_dependencies.uniq(&:name).map { |need| "#{need.name}:#{need.requirement.as_list.join('&')}" }
      ruby = spec.required_ruby_version.none? ? '' : ",ruby:#{spec.required_ruby_version.as_list.join('&')}"
      "#{spec.version} #{needs.join(',')}|checksum:#{Digest::SHA256.file("#{spec.full_name}.gem").hexdigest}#{ruby}\n"
    end
    info = "---\n#{lines.join}"
    File.write("index/info/#{name}", info)
    "#{name} #{all.map(&:version).join(',')} #{Digest::MD5.hexdigest(info)}\n"
  end
  File.write('index/versions', "created_at: 2026-01-01T00:00:00Z\n---\n#{versions.join}")
  tuples = specs.map { |spec| [spec.name, spec.version, 'ruby'] }
  { 'specs' => tuples, 'latest_specs' => tuples, 'prerelease_specs' => [] }.each do |name, list|
    File.binwrite("index/#{name}.4.8.gz", Zlib.gzip(Marshal.dump(list)))
  end
  specs.each do |spec|
    File.binwrite("index/quick/Marshal.4.8/#{spec.full_name}.gemspec.rz", Zlib.deflate(Marshal.dump(spec)))
  end
`;

/** A gem server on loopback, with the gems of this machine: indexes, and the files. Below `old/` is no compact index. */
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

  /** Whether Debian's gem is installed, and so served. */
  async has(name: string): Promise<boolean> {
    return this.versionOf(name).then(
      () => true,
      () => false,
    );
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
    const [, old, path = ''] = /^(\/old)?\/([\w./-]+)$/.exec(url) ?? [];
    const [, file] = /^gems\/([\w.-]+\.gem)$/.exec(path) ?? [];
    if (file) return this.tampered.get(file) ?? readFile(join(this.#directory, file));
    if (old && /^(versions$|info\/)/.test(path)) throw new Error('Only newer servers have this.');
    return readFile(join(this.#directory, 'index', path));
  }
}
