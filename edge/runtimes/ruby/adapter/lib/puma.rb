# The platform is the server; Puma is here by name only, for what asks which server it runs on.
module Puma
  module Const
    VERSION = PUMA_VERSION = '0.0.0'
  end
  VERSION = Const::VERSION
end
