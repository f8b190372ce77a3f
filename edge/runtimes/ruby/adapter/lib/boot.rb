# Serves a Rack app from inside one process of the platform. Between JavaScript and Ruby go files: a request is
# /islet/<id>.in and .body, a response /islet/<id>.out and .sent. Fields end with a NUL, which no header holds.
require 'rbconfig'
require 'stringio'
require 'tmpdir'

# The gems that come with Ruby itself. Older gems require them and do not depend on them, as they were no gems once.
module Islet
  BUNDLED = "#{RbConfig::CONFIG['rubylibprefix']}/gems/#{RbConfig::CONFIG['ruby_version']}/gems".freeze
end
$LOAD_PATH.concat(Dir["#{Islet::BUNDLED}/*/lib"])
require 'islet/program'

module Islet
  DIRECTORY = '/islet'
  HIJACK = -> { raise NotImplementedError, 'rack.hijack: a request here has no socket to take over; give a streaming body' }
  @app = nil

  class << self
    attr_writer :app

    # Puts the app's gems on the load path, behind what stands for some of their parts here.
    def bundle(setup)
      if File.file?(setup)
        require setup
      else
        const_set(:GEMS, {}.freeze)
        const_set(:REQUIRED, [].freeze)
      end
      # Slugs from before gems could be elsewhere name no places.
      const_set(:PLACES, {}.freeze) unless const_defined?(:PLACES)
      $LOAD_PATH.unshift(File.dirname(__dir__))
    end

    # Loads what the process type runs: kind is :rackup for a config.ru, :script for a Ruby file, :command for a
    # command of a gem. Returns the status of a program that has ended without a server to run.
    def boot(kind, file, args)
      if kind == :rackup
        $0 = $PROGRAM_NAME = file
        return Program.ending { load_rackup(file) }.nonzero?
      end
      # As a shell puts config vars into what it runs.
      args = args.map { |arg| arg.gsub(/\$(\w+|\{\w+\})/) { |name| ENV.fetch(name.delete('${}'), '') } }
      status = nil
      catch(:serving) { status = Program.run(file: kind == :command ? Program.executable(file) : file, args:) }
      return if @app
      raise "#{file} has not given a Rack app to any server" if status == 0 && ENV['DYNO'].to_s.start_with?('web.')
      status
    end

    def serve(id)
      env = read_request(id)
      status, headers, body = @app.call(env)
      send_response(id, status, headers, body)
    rescue Exception => error # a server outlives what an app raises
      raise "the app has ended itself: exit #{error.status}" if error.is_a?(SystemExit)
      warn "#{env && env['REQUEST_METHOD']} #{env && env['PATH_INFO']}: #{error.full_message(highlight: false)}"
      send_response(id, 500, { 'content-type' => 'text/plain' }, ["Internal Server Error\n"])
    end

    private

    def load_rackup(file)
      require 'rack'
      require 'rack/builder'
      # Rack 2 gives the options of its first line too.
      @app = Array(Rack::Builder.parse_file(file)).first
    end

    def read_request(id)
      fields = File.binread("#{DIRECTORY}/#{id}.in").split("\0", -1)
      method, path, query, scheme, host, port, remote = fields.shift(7)
      env = {
        'REQUEST_METHOD' => method, 'SCRIPT_NAME' => '', 'PATH_INFO' => path, 'QUERY_STRING' => query,
        'SERVER_NAME' => host, 'SERVER_PORT' => port, 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REMOTE_ADDR' => remote,
        'REQUEST_URI' => query.empty? ? path : "#{path}?#{query}", 'SERVER_SOFTWARE' => 'Islet',
        'rack.url_scheme' => scheme, 'rack.input' => File.open("#{DIRECTORY}/#{id}.body", 'rb'),
        'rack.errors' => $stderr, 'rack.version' => [1, 6], 'rack.multithread' => false,
        'rack.multiprocess' => true, 'rack.run_once' => false, 'rack.hijack?' => false, 'rack.hijack' => HIJACK
      }
      fields.each_slice(2) do |name, value|
        break if value.nil?
        key = name.upcase.tr('-', '_')
        env[%w[CONTENT_TYPE CONTENT_LENGTH].include?(key) ? key : "HTTP_#{key}"] = value.force_encoding('UTF-8')
      end
      env
    end

    def send_response(id, status, headers, body)
      lines = [status.to_i.to_s]
      headers.each do |name, values|
        next if name.start_with?('rack.')
        # Rack 3 has several values in an array, Rack 2 in lines.
        Array(values).flat_map { |value| value.to_s.split("\n") }.each { |value| lines << name.to_s << value }
      end
      File.binwrite("#{DIRECTORY}/#{id}.out", lines.join("\0"))
      # What the server would hand the socket to writes the body.
      body = headers['rack.hijack'] if headers['rack.hijack'].respond_to?(:call)
      # A body that is an array is there already; others come by and by.
      return File.binwrite("#{DIRECTORY}/#{id}.sent", whole(body)) if body.respond_to?(:to_ary)
      Waiting.call(:respond, id)
      stream(body, Stream.new(id))
    ensure
      body.close if body.respond_to?(:close)
    end

    def whole(body) = body.to_ary.map { |chunk| chunk.to_s.b }.join

    def stream(body, stream)
      # Rack 3's streaming bodies write to what they are given.
      body.respond_to?(:each) ? body.each { |chunk| stream.write(chunk) } : body.call(stream)
    rescue Errno::EPIPE
      # Nobody reads it any more.
    rescue Exception => error
      warn "The response broke off: #{error.full_message(highlight: false)}"
    end
  end

  # What a streaming body writes to.
  class Stream
    def initialize(id) = @id = id
    def write(*chunks)
      bytes = chunks.map { |chunk| chunk.to_s.b }.join
      return 0 if bytes.empty?
      File.binwrite("#{DIRECTORY}/#{@id}.sent", bytes)
      raise Errno::EPIPE unless Waiting.call(:write, @id) == JS::True
      bytes.bytesize
    end
    def <<(chunk) = write(chunk) && self
    def flush = self
    def read(*) = nil
    def close(*) = nil
    def close_read = nil
    def close_write = nil
    def closed? = false
  end

  # Stands for every server that an app may name: the platform is the server.
  module Server
    def self.run(app, **)
      Islet.app = app
      throw :serving
    end
    def self.valid_options = {}
  end
end

# RubyGems has nothing to look for, and is not loaded, which saves a third of the start; what libraries ask of it is here.
module Gem
  VERSION = '4.0.0' unless const_defined?(:VERSION)
  Specification = Struct.new(:name, :version, :full_gem_path, keyword_init: true) do
    alias_method :gem_dir, :full_gem_path
  end
  class LoadError < ::LoadError; end
  class MissingSpecError < LoadError; end
  autoload :Version, 'rubygems/version'
  autoload :Requirement, 'rubygems/requirement'
  autoload :Dependency, 'rubygems/dependency'
  autoload :Deprecate, 'rubygems/deprecate'

  class << self
    def loaded_specs
      @loaded_specs ||= Islet::GEMS.to_h do |name, version|
        directory = "#{Dir.pwd}/#{Islet::PLACES[name] || "vendor/bundle/ruby/4.0.0/gems/#{name}-#{version}"}"
        [name, Specification.new(name:, version: Version.new(version), full_gem_path: directory)]
      end
    end
    def ruby_version = Version.new(RUBY_VERSION)
    def win_platform? = false
    def default_dir = "#{Dir.pwd}/vendor/bundle/ruby/4.0.0"
    alias dir default_dir
    def path = [default_dir]
    def try_activate(*) = false
  end
end

module Kernel
  private def gem(*) = true
end

# Bundler has done its work: what it locked is on the load path.
module Bundler
  VERSION = '4.0.0'
  class << self
    def setup(*) = self
    def require(*groups)
      groups = groups.empty? ? ['default'] : groups.map(&:to_s)
      Islet::REQUIRED.each do |name, its_groups|
        # Slugs from before there were groups name none.
        next if its_groups && (its_groups & groups).empty?
        Kernel.require(name)
      rescue LoadError => error
        begin
          Kernel.require(name.tr('-', '/'))
        rescue LoadError
          raise error unless error.path == name
        end
      end
    end
    def root = Pathname.new(Dir.pwd)
    def with_unbundled_env = yield
    def with_original_env = yield
    def default_gemfile = root + 'Gemfile'
  end
end
# What io/wait had is in Ruby itself since 4.0, and the engine has no file of that name.
%w[bundler bundler/setup io/wait rubygems].each { |name| $LOADED_FEATURES << "#{name}.rb" }
