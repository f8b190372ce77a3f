# A process here has no sockets of its own: requests come from the router, and Net::HTTP goes out by the platform. What
# is here lets libraries load that name sockets and do not open them.

class SocketError < StandardError; end

class BasicSocket < IO
  def self.do_not_reverse_lookup = true
  def self.do_not_reverse_lookup=(value); end
end

class Socket < BasicSocket
  AF_UNSPEC = PF_UNSPEC = 0
  AF_UNIX = PF_UNIX = 1
  AF_INET = PF_INET = 2
  AF_INET6 = PF_INET6 = 10
  SOCK_STREAM = 1
  SOCK_DGRAM = 2
  SOL_SOCKET = 1
  SO_KEEPALIVE = 9
  SO_REUSEADDR = 2
  IPPROTO_TCP = 6
  TCP_NODELAY = 1
  INADDR_ANY = 0
  SOMAXCONN = 128
  NI_NUMERICHOST = 1

  module Constants
    Socket.constants.each { |name| const_set(name, Socket.const_get(name)) if Socket.const_get(name).is_a?(Integer) }
  end
  class ResolutionError < SocketError; end

  def self.gethostname = 'localhost'
  def self.ip_address_list = []
  def self.getaddrinfo(host, *) = raise(ResolutionError, "getaddrinfo: #{host} cannot be resolved here")
  def self.tcp(host, port, *) = TCPSocket.new(host, port)
  def initialize(*) = raise(Errno::EACCES, 'sockets are not available in this process')
end

class IPSocket < BasicSocket
  def self.getaddress(host) = raise(SocketError, "getaddress: #{host} cannot be resolved here")
end

class TCPSocket < IPSocket
  def self.gethostbyname(host) = raise(SocketError, "gethostbyname: #{host} cannot be resolved here")
  def self.open(*args) = new(*args)
  def initialize(host, port, *)
    raise Errno::ECONNREFUSED, "a connection to #{host}:#{port}: Ruby apps reach others by Net::HTTP only"
  end
end

class TCPServer < TCPSocket
  def initialize(*) = raise(Errno::EACCES, 'the server of this process is the platform itself')
end

class UDPSocket < IPSocket
  def initialize(*) = raise(Errno::EACCES, 'UDP is not available in this process')
end

class UNIXSocket < BasicSocket
  def initialize(*) = raise(Errno::EACCES, 'UNIX sockets are not available in this process')
end

class UNIXServer < UNIXSocket; end

class Addrinfo
  def self.tcp(host, *) = raise(SocketError, "getaddrinfo: #{host} cannot be resolved here")
  def self.getaddrinfo(host, *) = tcp(host)
end
