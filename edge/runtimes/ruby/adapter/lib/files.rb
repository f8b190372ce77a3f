# Files here belong to the process alone and have no modes, which Ruby takes for files that nobody may use.
module Islet
  module Permitted
    %i[readable? writable? readable_real? writable_real?].each { |name| define_method(name) { |path| exist?(path) } }
  end
end

File.singleton_class.prepend(Islet::Permitted)
FileTest.singleton_class.prepend(Islet::Permitted)

class File::Stat
  %i[readable? writable? readable_real? writable_real? owned?].each { |name| define_method(name) { true } }
end
