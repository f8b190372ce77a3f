# Rackup's list of servers, with the platform as each of them.
module Rackup
  module Handler
    def self.get(*) = Islet::Server
    def self.pick(*) = Islet::Server
    def self.default(*) = Islet::Server
    def self.register(*); end
  end
end
