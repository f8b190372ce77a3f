# Ruby's own Net::HTTP, whose requests go out by `fetch`, as there are no sockets.
own = __FILE__
require($LOAD_PATH.map { |path| "#{path}/net/http.rb" }.find { |path| path != own && File.file?(path) })
require 'stringio'

module Islet
  module Fetching
    # What `fetch` says itself; and it has unpacked what it gives.
    SKIPPED = %w[host connection content-length transfer-encoding accept-encoding].freeze

    def self.send(request, url, timeout:)
      headers = request.each_capitalized.reject { |name, _| SKIPPED.include?(name.downcase) }
      body = request.body || request.body_stream&.read
      path = Waiting.call(:fetch, request.method, url, headers.flatten.join("\0"), body && place(body), timeout.to_f)
      File.binread(path.to_s).tap { File.delete(path.to_s) }
    end

    # Bytes that JavaScript is to take.
    def self.place(bytes)
      @count = (@count || 0) + 1
      "#{DIRECTORY}/#{@count}.fetch".tap { |path| File.binwrite(path, bytes) }
    end

    private

    def connect = nil

    def transport_request(request)
      # A target in absolute form is the whole URL (RFC 9112, section 3.2.2).
      url = request.path.match?(/\A[a-z]+:/i) ? request.path : "#{use_ssl? ? 'https' : 'http'}://#{addr_port}#{request.path}"
      raw = begin
        Fetching.send(request, url, timeout: read_timeout)
      rescue JS::Error => error
        raise Net::ReadTimeout if error.message.start_with?('TimeoutError')
        raise Errno::ECONNREFUSED, "Failed to open TCP connection to #{addr_port} (#{error.message})"
      end
      socket = Net::BufferedIO.new(StringIO.new(raw))
      response = Net::HTTPResponse.read_new(socket)
      response.decode_content = request.decode_content
      response.body_encoding = @response_body_encoding
      response.uri = request.uri
      response.reading_body(socket, request.response_body_permitted?) { yield response if block_given? }
      response
    end
  end
end

Net::HTTP.prepend(Islet::Fetching)
