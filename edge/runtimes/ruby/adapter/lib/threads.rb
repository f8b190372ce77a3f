# Threads, of which the engine has one: each of the others is a fiber that begins to run when the one before it waits, and
# goes on until it waits itself: for a queue, a lock, a time, an answer. Nothing else takes the turn from it.
require 'monitor'
require 'timeout'

module Islet
  module Threads
    # Ends a thread from outside.
    class Kill < Exception; end

    @tasks = {}
    # Who waits without a time of its own: the number of the waiting place to its task, or to nil for the process itself.
    @parked = {}
    @count = 0

    class << self
      # The task whose turn it is; nil for the process itself.
      attr_accessor :current
      attr_reader :tasks

      def start(task)
        @tasks[task.object_id] = task
        JS.global[:islet].call(:start, task.object_id)
      end

      def run(id) = @tasks.fetch(id).run

      def ended(task)
        @tasks.delete(task.object_id)
        break_deadlock
      end

      # Waits until somebody wakes a list of those who wait. Returns false when the time is over.
      def park(list, seconds = nil)
        number = @count += 1
        list << number
        @parked[number] = current unless seconds
        task = current
        task&.place = number
        why = Waiting.call(:park, number, (seconds || -1).to_f) { break_deadlock }.to_s
        raise ThreadError, 'No live threads left. Deadlock?' if why == 'deadlock'
        task&.check
        why != 'time'
      ensure
        list.delete(number)
        @parked.delete(number)
        task&.place = nil
      end

      # Wakes the first of a list who has not been woken yet, by the time for example.
      def unpark(list)
        while (number = list.shift)
          break if wake(number)
        end
      end

      # Returns whether somebody has waited there.
      def wake(number, why = :woken)
        @parked.delete(number)
        JS.global[:islet].call(:unpark, number, why.to_s) == JS::True
      end

      private

      # Wakes the process where everybody waits for somebody else.
      def break_deadlock
        wake(@parked.key(nil), :deadlock) if @parked.length > @tasks.length
      end
    end

    # What Thread.new gives.
    class Task
      attr_accessor :name, :priority, :abort_on_exception, :report_on_exception, :place
      attr_reader :group

      def initialize(args, block)
        @args, @block = args, block
        @values, @variables, @joining = {}, {}, []
        @report_on_exception = true
        @status = 'run'
        Threads.start(self)
      end

      def run
        Threads.current = self
        check
        @value = catch(self) { @block.call(*@args) }
        @status = false
      rescue Kill
        @status = false
      rescue Exception => error
        @error, @status = error, nil
        $stderr.puts "#{inspect} terminated with exception (report_on_exception is true):", error.full_message(highlight: false) if @report_on_exception
      ensure
        Threads.unpark(@joining) until @joining.empty?
        Threads.ended(self)
        Threads.current = nil
      end

      # What others have sent it is raised when its turn comes.
      def check
        error, @sent = @sent, nil
        Kernel.raise error if error
      end

      def join(seconds = nil)
        Kernel.raise ThreadError, 'Current thread tried to join itself' if Threads.current.equal?(self)
        deadline = seconds && Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
        while alive?
          left = deadline && deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
          return if left && left <= 0
          Threads.park(@joining, left)
        end
        error, @error = @error, nil
        error ? Kernel.raise(error) : self
      end

      def value = join && @value
      def alive? = @status == 'run'
      def status = alive? && @place ? 'sleep' : @status
      def stop? = !alive? || !@place.nil?

      def raise(error = RuntimeError, *rest)
        return unless alive?
        error = RuntimeError.new(error) if error.is_a?(String)
        @sent = error.is_a?(Class) ? error.exception(*rest) : error
        return check if Threads.current.equal?(self)
        Threads.wake(@place) if @place
        nil
      end

      def kill = raise(Kill).then { self }
      alias exit kill
      alias terminate kill
      def wakeup = (Threads.wake(@place) if @place).then { self }
      alias run_now wakeup
      def [](key) = @values[key.to_sym]
      def []=(key, value)
        @values[key.to_sym] = value
      end
      def key?(key) = @values.key?(key.to_sym)
      def keys = @values.keys
      def fetch(key, *default, &block) = @values.fetch(key.to_sym, *default, &block)
      def thread_variable_get(key) = @variables[key.to_sym]
      def thread_variable_set(key, value) = @variables[key.to_sym] = value
      def thread_variable?(key) = @variables.key?(key.to_sym)
      def thread_variables = @variables.keys
      def pending_interrupt?(*) = !@sent.nil?
      def backtrace(*) = []
      def backtrace_locations(*) = []
      def native_thread_id = 1
      def is_a?(type) = type == ::Thread || super
      alias kind_of? is_a?
      def instance_of?(type) = type == ::Thread || super
      def inspect = "#<Thread:0x#{object_id.to_s(16).rjust(16, '0')} #{status || 'dead'}>"
      alias to_s inspect
    end

    # In the place of those methods of Thread's class that start threads, or ask for them.
    module Starting
      def new(*args, &block)
        return super unless equal?(::Thread)
        raise ThreadError, 'must be called with a block' unless block
        Task.new(args, block)
      end

      def start(*args, &block) = new(*args, &block)
      alias fork start
      def current = Threads.current || super
      def list = [main, *Threads.tasks.values]
      def pass = Waiting.call(:sleep, 0)
      def ===(object) = object.is_a?(Task) || super

      def stop
        Threads.park([])
        nil
      end

      def exit = Threads.current ? Threads.current.kill : super
      def kill(thread) = thread.kill
    end

    module Locking
      def lock
        Threads.park(waiting) until try_lock
        self
      end

      def unlock
        super.tap { Threads.unpark(waiting) }
      end

      def synchronize
        lock
        begin
          yield
        ensure
          unlock if owned?
        end
      end

      def sleep(seconds = nil)
        start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        unlock
        begin
          Threads.park([], seconds)
        ensure
          lock
        end
        (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start).round
      end

      def try_lock
        super
      rescue ThreadError
        false
      end

      private

      def waiting = @waiting ||= []
    end

    module Queueing
      def pop(nonblock = false, timeout: nil)
        raise ArgumentError, "can't set a timeout if non_block is enabled" if nonblock && timeout
        deadline = timeout && Process.clock_gettime(Process::CLOCK_MONOTONIC) + timeout
        until nonblock || !empty? || closed?
          left = deadline && deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
          return if left && left <= 0
          Threads.park(readers, left)
        end
        return if closed? && empty? && !nonblock
        super(true).tap { Threads.unpark(writers) }
      end
      alias shift pop
      alias deq pop

      def push(object, nonblock = false, timeout: nil)
        if respond_to?(:max)
          deadline = timeout && Process.clock_gettime(Process::CLOCK_MONOTONIC) + timeout
          until nonblock || length < max || closed?
            left = deadline && deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
            return if left && left <= 0
            Threads.park(writers, left)
          end
          super(object, nonblock)
        else
          super(object)
        end
        Threads.unpark(readers)
        self
      end
      alias << push
      alias enq push

      def close
        super
        [readers, writers].each { |list| Threads.unpark(list) until list.empty? }
        self
      end

      def num_waiting = readers.length + writers.length

      private

      def readers = @readers ||= []
      def writers = @writers ||= []
    end

    module Signalling
      def wait(lock, timeout = nil)
        lock.unlock
        Threads.park(waiting, timeout)
        self
      ensure
        lock.lock
      end

      def signal
        Threads.unpark(waiting)
        self
      end

      def broadcast
        Threads.unpark(waiting) until waiting.empty?
        self
      end

      private

      def waiting = @waiting ||= []
    end

    # A lock that its owner may take again.
    module Monitoring
      def enter
        Threads.park(waiting) until try_enter
        nil
      end
      alias mon_enter enter

      def try_enter
        super
      rescue ThreadError
        false
      end
      alias mon_try_enter try_enter
      alias try_mon_enter try_enter

      def exit
        super
        Threads.unpark(waiting)
        nil
      end
      alias mon_exit exit

      def synchronize
        enter
        begin
          yield
        ensure
          self.exit
        end
      end
      alias mon_synchronize synchronize

      def wait_for_cond(condition, timeout)
        count = 0
        while mon_owned?
          self.exit
          count += 1
        end
        condition.park(timeout)
      ensure
        count.times { enter }
      end

      private

      def waiting = @waiting ||= []
    end

    # What Timeout waits for is what a process waits for: an answer, a time, a queue. What computes is not broken off.
    module Limiting
      def timeout(seconds, error = nil, message = nil, &block)
        return yield(seconds) if seconds.nil? || seconds.zero?
        raise ArgumentError, 'Timeout sec must be a non-negative number' if seconds.negative?
        message ||= 'execution expired'
        deadline = [Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds, error || Timeout::Error, message]
        (Waiting.deadlines ||= []).push(deadline)
        begin
          yield(seconds)
        ensure
          Waiting.deadlines.delete(deadline)
        end
      end
    end
  end
end

class Thread::ConditionVariable
  def park(seconds) = Islet::Threads.park(waiting, seconds)
end

Thread.singleton_class.prepend(Islet::Threads::Starting)
Thread::Mutex.prepend(Islet::Threads::Locking)
Thread::Queue.prepend(Islet::Threads::Queueing)
Thread::SizedQueue.prepend(Islet::Threads::Queueing)
Thread::ConditionVariable.prepend(Islet::Threads::Signalling)
Monitor.prepend(Islet::Threads::Monitoring)
Timeout.singleton_class.prepend(Islet::Threads::Limiting)
