# Nokogiri is machine code. What loads it and does not parse with it, as Rails does, finds the names; to parse is an error.
module Nokogiri
  VERSION = '0.0.0'

  def self.missing
    raise NotImplementedError, 'Nokogiri has native code, which does not run in WebAssembly: HTML cannot be parsed here'
  end

  module Missing
    %i[parse fragment new].each { |name| define_method(name) { |*, **| Nokogiri.missing } }
  end

  module XML
    class Node
      extend Missing
      module SaveOptions
        AS_XML = 32
        AS_HTML = 64
        AS_XHTML = 16
        DEFAULT_HTML = DEFAULT_XHTML = DEFAULT_XML = NO_DECLARATION = FORMAT = 0
      end
      TEXT_NODE = 3
      CDATA_SECTION_NODE = 4
      ELEMENT_NODE = 1
    end

    class Document < Node; end
    class DocumentFragment < Node; end
    class Element < Node; end
    class Attr < Node; end
    class Text < Node; end
    class NodeSet; extend Missing; end
    class SyntaxError < StandardError; end

    module SAX
      class Document; end
      class Parser; extend Missing; end
    end

    def self.parse(*) = Nokogiri.missing
  end

  module HTML4
    class Document < XML::Document; end
    class DocumentFragment < XML::DocumentFragment; end
    class ElementDescription; extend Missing; end

    module SAX
      class Parser < XML::SAX::Parser; end
    end

    def self.parse(*) = Nokogiri.missing
    def self.fragment(*) = Nokogiri.missing
  end
  HTML = HTML4
  HTML5 = HTML4

  module CSS
    class SyntaxError < StandardError; end
    def self.xpath_for(*) = Nokogiri.missing
  end
end

def Nokogiri(*) = Nokogiri.missing
