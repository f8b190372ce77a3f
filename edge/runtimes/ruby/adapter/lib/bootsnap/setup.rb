require 'bootsnap'
