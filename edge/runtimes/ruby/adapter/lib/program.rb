# Runs a Ruby program to its end, as the command `ruby` does ("Running Ruby", ruby(1)).
module Islet
  module Program
    @at_exit = []

    class << self
      # Runs a file, or a text under the name of one. Returns the status that it exits with.
      def run(file:, args: [], code: nil, libraries: [])
        $0 = $PROGRAM_NAME = file
        ARGV.replace(args)
        status = ending do
          libraries.each { |name| require name }
          code ||= read(file)
          RubyVM::InstructionSequence.compile(code, file, File.expand_path(file)).eval
        end
        finish(status)
      end

      # Runs what is still to be run at the exit, the last first.
      def finish(status = 0)
        while (block = @at_exit.pop)
          status = ending(status, &block)
        end
        $stdout.flush
        $stderr.flush
        status
      end

      def at_exit(block) = @at_exit.push(block).last

      # A command of the app's gems, or of the gems that come with Ruby itself.
      def executable(name)
        own = "#{Dir.pwd}/vendor/bundle/bin/#{name}"
        return own if File.file?(own)
        Dir["#{Islet::BUNDLED}/*/exe/#{name}"].first || raise(LoadError, "can't find executable #{name}")
      end

      # The status that a block ends with: what it raises is printed.
      def ending(status = 0)
        yield
        status
      rescue SystemExit => error
        error.status
      rescue Exception => error
        $stderr.puts error.full_message(highlight: false)
        1
      end

      private

      # What follows `__END__` is DATA.
      def read(file)
        raise LoadError, "cannot load such file -- #{file}" unless File.file?(file)
        code = File.read(file, encoding: 'UTF-8')
        if (place = code =~ /^__END__\r?\n/)
          data = File.open(file)
          data.pos = code[0...place].bytesize + $&.bytesize
          Object.const_set(:DATA, data)
        end
        code
      end
    end
  end
end

# The engine is never ended by Ruby, so its own list would not be run.
module Kernel
  def at_exit(&block) = Islet::Program.at_exit(block)
  module_function :at_exit

  def exit!(status = false)
    exit(status)
  end
  module_function :exit!
end

def Process.exit!(status = false) = exit(status)
