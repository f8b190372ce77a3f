require 'rackup'
