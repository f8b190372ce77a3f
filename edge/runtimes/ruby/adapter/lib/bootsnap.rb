# What Bootsnap caches between starts, a process here does not keep.
module Bootsnap
  def self.setup(**) = nil
  def self.default_setup = nil
end
