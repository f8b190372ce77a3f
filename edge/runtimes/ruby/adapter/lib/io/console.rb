# What is asked of a terminal: there is none.
class IO
  def self.console(*) = nil
  def self.console_size = [25, 80]
  def self.default_console_size = console_size
  def winsize = raise(Errno::ENOTTY)
  def console_mode = raise(Errno::ENOTTY)
  %i[raw noecho cooked].each { |name| define_method(name) { |*, **, &block| block.call(self) } }
  def getch(*, **) = getc
  def echo? = false
  def echo=(value); end
  %i[raw! cooked! iflush oflush ioflush].each { |name| define_method(name) { |*, **| self } }
end
