require 'io/console'
