# Waiting without holding the thread: Ruby's stack is put aside until a promise of JavaScript's is kept, which works in
# what RubyVM#evalAsync runs.
require 'js.so'

# An app that serves may not compile JavaScript; what js.rb asks for in that way are constants.
class << JS
  alias compile eval
  def eval(code)
    name = code[/\Areturn (undefined|null|true|false);?\z/, 1]
    name ? JS.global[:islet][:constants][name] : compile(code)
  end
end
require 'js'

module Islet
  module Waiting
    class << self
      # Of Timeout.timeout, by the fiber that has called it: when, and what is raised then.
      def deadlines = Thread.current[:islet_deadlines]
      def deadlines=(list)
        Thread.current[:islet_deadlines] = list
      end

      # A block is run before the waiting begins.
      def call(name, *args)
        task = Threads.current
        promise = JS.global[:islet].call(name, *args)
        yield if block_given?
        soonest = deadlines&.min_by(&:first)
        return promise.await unless soonest
        left = [soonest.first - Process.clock_gettime(Process::CLOCK_MONOTONIC), 0].max
        result = JS.global[:islet].call(:within, promise, left).await
        raise soonest[1], soonest[2] if result == JS.global[:islet][:late]
        result
      ensure
        # Others have run in the meantime.
        Threads.current = task
      end
    end

    def sleep(duration = nil)
      raise TypeError, "can't convert #{duration.class} into time interval" unless duration.nil? || duration.is_a?(Numeric)
      raise ArgumentError, 'time interval must not be negative' if duration&.negative?
      start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      if Threads.current
        Threads.park([], duration)
      else
        # Without a duration, for ever; a timer of JavaScript's takes 24 days at most.
        Waiting.call(:sleep, 86_400) while duration.nil?
        Waiting.call(:sleep, duration.to_f)
      end
      (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start).round
    end
  end

  # Standard input, by lines.
  class Input
    include Enumerable

    def gets(separator = $/, *, chomp: false)
      return read if separator.nil?
      line = Waiting.call(:readLine)
      return if line == JS::Null
      chomp ? line.to_s.chomp : line.to_s
    end

    def each_line(chomp: false)
      while (line = gets(chomp:))
        yield line
      end
      self
    end
    alias each each_line

    def readline(*, **) = gets(*, **) || raise(EOFError, 'end of file reached')
    def readlines(chomp: false) = each_line(chomp:).to_a
    def read(*) = to_a.join
    def fileno = 0
    def to_io = self
    def tty? = false
    alias isatty tty?
    def eof? = false
    def sync = true
    def binmode = self
    def set_encoding(*) = self
    def external_encoding = Encoding::UTF_8
  end
end

require 'islet/threads'

Kernel.prepend(Islet::Waiting)
Kernel.singleton_class.prepend(Islet::Waiting)
$stdin = Islet::Input.new
