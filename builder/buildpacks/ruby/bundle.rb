# Runs Bundler on an app's Gemfile, in a machine: evaluates it, resolves it where it has no lock, and gives what it comes
# to as JSON. What Bundler asks gem servers for goes through the build, as the machine has no network for it.
# What io/wait had is in Ruby itself since 4.0, and the engine has no file of that name.
$LOADED_FEATURES << 'io/wait.rb'
require 'rubygems'
require 'bundler'
require 'bundler/fetcher'
require 'bundler/fetcher/gem_remote_fetcher'
require 'json'
require 'stringio'
require 'islet/waiting'

module Islet
  # Sends what Bundler and RubyGems ask of gem servers.
  module Download
    def self.get(uri, headers)
      plain = Bundler::URICredentialsFilter.credential_filtered_uri(uri).to_s
      fields = Gem::Net::HTTP::Get.new('/', headers)
      fields.basic_auth(*[uri.user, uri.password].map { |part| CGI.unescape(part.to_s) }) if uri.user
      path = Waiting.call(:fetch, plain, fields.each_header.to_a.flatten.join("\0")).to_s
      socket = Gem::Net::BufferedIO.new(StringIO.new(File.binread(path)))
      File.delete(path)
      Gem::Net::HTTPResponse.read_new(socket).tap { |response| response.reading_body(socket, true) {} }
    end
  end

  # The compact index, and an older kind of answers.
  module Downloader
    def request(uri, headers)
      Download.get(uri, headers)
    rescue JS::Error => error
      raise Bundler::HTTPError, error.message
    end
  end

  # The index that servers had before.
  module RemoteFetcher
    def request(uri, _kind, last_modified = nil)
      Download.get(uri, last_modified ? { 'if-modified-since' => last_modified.httpdate } : {})
    rescue JS::Error => error
      raise Gem::RemoteFetcher::FetchError.new(error.message, uri)
    end
  end

  module CompactIndex
    # There are no threads; the requests are sent at once all the same.
    def in_parallel(names, &block)
      Waiting.call(:announce, names.map { |name| "#{fetch_uri}info/#{name}" }.join("\0"))
      names.map(&block)
    end
  end

  # What Bundler has to say, in the build's log.
  class BundlerUI < Bundler::UI::Silent
    %i[warn error confirm].each { |level| define_method(level) { |text = nil, *, &block| $stderr.puts(text || block.call) } }
  end

  # Gives what Bundler makes of the Gemfile in the working directory; a lock that is there is kept to.
  module Bundle
    class << self
      def read(gemfile, lockfile)
        locked = File.file?(lockfile)
        Bundler.ui = BundlerUI.new
        Bundler.settings.temporary(frozen: locked, force_ruby_platform: true) do
          definition = Bundler::Definition.build(gemfile, lockfile, nil)
          refuse_git(definition)
          if locked
            definition.ensure_equivalent_gemfile_and_lockfile(true)
          else
            definition.resolve_remotely!
          end
          describe(definition, lock: locked ? File.read(lockfile) : definition.to_lock)
        end
      end

      private

      # Git does not run here, and what Bundler says without it is that it cannot clone.
      def refuse_git(definition)
        source = definition.sources.git_sources.first or return
        raise Bundler::GemfileError, "The Gemfile takes gems from the git repository #{source.uri}. Islet installs gems from gem servers " \
                                     'and from directories of the app: name a released version, or put the gem into the app and name it by `path:`.'
      end

      def describe(definition, lock:)
        needed = definition.requested_dependencies
        {
          lock:,
          ruby: definition.ruby_version&.versions,
          gems: definition.dependencies.map { |dependency| entry(dependency, needed.include?(dependency)) },
          own: Gem::Specification.stubs.map(&:full_name),
          paths: definition.sources.path_sources.flat_map { |source| local_gems(source) }
        }
      end

      def entry(dependency, needed)
        required = (dependency.autorequire || [true]).map { |path| path == true ? dependency.name : path }
        { name: dependency.name, needed:, groups: dependency.groups, require: required }
      end

      def local_gems(source)
        source.specs.map do |spec|
          directory = Pathname.new(spec.full_gem_path).expand_path.relative_path_from(Bundler.root).to_s
          raise Bundler::GemfileError, "The gem #{spec.name} is in #{directory}, which is not in the app." if directory.start_with?('..')
          {
            name: spec.name, version: spec.version.to_s, directory:, require_paths: spec.require_paths,
            executables: spec.executables.map { |name| "#{spec.bindir}/#{name}" }, extensions: spec.extensions
          }
        end
      end
    end
  end
end

# What gemspecs ask git for: the files of the directory.
module Islet
  module Git
    LIST = /\Agit (-C \S+ )?ls-files/

    def self.files(command)
      raise Errno::ENOENT, "No such file or directory - #{command}" unless command.match?(LIST)
      names = Dir.glob('**/*', File::FNM_DOTMATCH).select { |path| File.file?(path) && !path.start_with?('.git/') }
      names.map { |name| name + (command.match?(/ -\w*z/) ? "\0" : "\n") }.join
    end

    def `(command) = Git.files(command)

    module Pipe
      def popen(*words, chdir: '.', **)
        output = StringIO.new(Dir.chdir(chdir) { Git.files(words.grep_v(Hash).flatten.join(' ')) })
        block_given? ? yield(output) : output
      end
    end
  end
end

Kernel.prepend(Islet::Git)
Kernel.singleton_class.prepend(Islet::Git)
IO.singleton_class.prepend(Islet::Git::Pipe)
Bundler::Fetcher::Downloader.prepend(Islet::Downloader)
Bundler::Fetcher::GemRemoteFetcher.prepend(Islet::RemoteFetcher)
Bundler::Fetcher::CompactIndex.prepend(Islet::CompactIndex)
