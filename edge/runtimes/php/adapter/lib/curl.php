<?php

/**
 * What HTTP clients call of ext-curl, over the fetch of the Worker that PHP runs in ("Client URL Library", PHP manual).
 * Only http and https; a response is whole before any of it is given out.
 */

namespace Islet {
    /** A request on its way, and what has come of it. */
    final class Transfer
    {
        private string $id = '';
        private float $started;
        private string $method;
        private string $url;
        private mixed $body;
        private int $followed = 0;

        public function __construct(private \CurlHandle $handle)
        {
            $options = $handle->options;
            $this->started = microtime(true);
            $this->url = (string) ($options[CURLOPT_URL] ?? '');
            $this->method = $this->method();
            $this->body = $this->body();
        }

        public static function wait(array $transfers, float $seconds): void
        {
            $ids = array_values(array_map(static fn (self $one): string => $one->id, $transfers));
            vrzno_await((new \Vrzno())->isletCurlWait(json_encode($ids), $seconds));
        }

        /** Sends what is to be sent; a request that cannot be sent has ended. */
        public function start(): void
        {
            $problem = match (true) {
                $this->url === '' => [CURLE_URL_MALFORMAT, 'No URL set'],
                default => null,
            };
            if ($problem === null && !preg_match('#^[a-z][a-z0-9+.-]*://#i', $this->url)) {
                $this->url = "http://$this->url";
            }
            if ($problem === null && !preg_match('#^https?://[^/?\#]#i', $this->url)) {
                $scheme = strtolower(strstr($this->url, ':', true));
                $problem = in_array($scheme, ['http', 'https'], true)
                    ? [CURLE_URL_MALFORMAT, 'URL using bad/illegal format or missing URL']
                    : [CURLE_UNSUPPORTED_PROTOCOL, "Protocol \"$scheme\" not supported"];
            }
            if ($problem !== null) {
                $this->handle->end(...$problem);
                return;
            }
            $options = $this->handle->options;
            $seconds = ($options[CURLOPT_TIMEOUT_MS] ?? 0) / 1000 ?: (float) ($options[CURLOPT_TIMEOUT] ?? 0);
            $this->id = (new \Vrzno())->isletCurlStart(json_encode([
                'url' => preg_replace('/#.*/s', '', $this->url),
                'method' => $this->method,
                'headers' => $this->headers(),
                'body' => $this->body === null ? null : base64_encode($this->body),
                'seconds' => $seconds > 0 ? max(0.001, $seconds - (microtime(true) - $this->started)) : 0,
            ]));
        }

        /** Takes what has come; false while nothing has. */
        public function take(): bool
        {
            if ($this->handle->done) {
                return true;
            }
            $text = (new \Vrzno())->isletCurlTake($this->id);
            if (!is_string($text) || $text === '') {
                return false;
            }
            $answer = json_decode($text, true);
            if (isset($answer['error'])) {
                $this->handle->end($answer['timeout'] ? CURLE_OPERATION_TIMEDOUT : CURLE_COULDNT_CONNECT, $answer['error']);
                return true;
            }
            return $this->receive($answer['status'], $answer['headers'], base64_decode($answer['body']));
        }

        private function receive(int $status, array $lines, string $body): bool
        {
            $handle = $this->handle;
            $options = $handle->options;
            $location = null;
            $type = null;
            foreach ($lines as $line) {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                match (strtolower($name)) {
                    'location' => $location = trim($value),
                    'content-type' => $type = trim($value),
                    default => null,
                };
            }
            $handle->info = [
                'url' => $this->url,
                'content_type' => $type,
                'http_code' => $status,
                'header_size' => ($handle->info['header_size'] ?? 0) + strlen(implode("\r\n", $lines)) + 4,
                'redirect_count' => $this->followed,
                'redirect_url' => '',
                'total_time' => microtime(true) - $this->started,
                'size_download' => (float) strlen($body),
                'download_content_length' => (float) strlen($body),
                'size_upload' => (float) strlen((string) $this->body),
                'effective_method' => $this->method,
                'primary_ip' => '',
                'request_header' => $this->requestHead(),
            ];
            $next = $status >= 300 && $status < 400 && $location !== null ? $this->resolve($location) : null;
            $follows = $next !== null && !empty($options[CURLOPT_FOLLOWLOCATION]);
            if ($next !== null && !$follows) {
                $handle->info['redirect_url'] = $next;
            }
            if ($status >= 400 && !empty($options[CURLOPT_FAILONERROR])) {
                $handle->end(CURLE_HTTP_RETURNED_ERROR, "The requested URL returned error: $status");
                return true;
            }
            if (!$handle->giveHeaders($lines)) {
                return true;
            }
            if ($follows) {
                $most = (int) ($options[CURLOPT_MAXREDIRS] ?? 30);
                if ($most >= 0 && $this->followed >= $most) {
                    $handle->end(CURLE_TOO_MANY_REDIRECTS, "Maximum ($most) redirects followed");
                    return true;
                }
                $this->follow($status, $next);
                return $handle->done;
            }
            $handle->giveBody($this->method === 'HEAD' ? '' : $body);
            return true;
        }

        private function follow(int $status, string $next): void
        {
            $this->followed += 1;
            $post = (int) ($this->handle->options[CURLOPT_POSTREDIR] ?? 0);
            $bit = [301 => CURL_REDIR_POST_301, 302 => CURL_REDIR_POST_302, 303 => CURL_REDIR_POST_303][$status] ?? 0;
            $custom = isset($this->handle->options[CURLOPT_CUSTOMREQUEST]);
            if ($bit !== 0 && !($post & $bit) && $this->method !== 'HEAD' && !($custom && $status !== 303)) {
                $this->method = 'GET';
                $this->body = null;
            }
            if (parse_url($next, PHP_URL_HOST) !== parse_url($this->url, PHP_URL_HOST)) {
                $this->handle->elsewhere = true;
            }
            $this->url = $next;
            $this->start();
        }

        private function resolve(string $location): string
        {
            if (preg_match('#^[a-z][a-z0-9+.-]*://#i', $location)) {
                return $location;
            }
            $base = parse_url($this->url);
            $origin = $base['scheme'] . '://' . $base['host'] . (isset($base['port']) ? ":{$base['port']}" : '');
            if (str_starts_with($location, '//')) {
                return "{$base['scheme']}:$location";
            }
            $path = $base['path'] ?? '/';
            return match (true) {
                str_starts_with($location, '/') => $origin . $location,
                str_starts_with($location, '?') => $origin . $path . $location,
                default => $origin . substr($path, 0, strrpos($path, '/') + 1) . $location,
            };
        }

        private function method(): string
        {
            $options = $this->handle->options;
            return match (true) {
                isset($options[CURLOPT_CUSTOMREQUEST]) => strtoupper($options[CURLOPT_CUSTOMREQUEST]),
                !empty($options[CURLOPT_NOBODY]) => 'HEAD',
                !empty($options[CURLOPT_UPLOAD]), !empty($options[CURLOPT_PUT]) => 'PUT',
                !empty($options[CURLOPT_POST]), isset($options[CURLOPT_POSTFIELDS]) => 'POST',
                default => 'GET',
            };
        }

        private function body(): ?string
        {
            $options = $this->handle->options;
            if (isset($options[CURLOPT_POSTFIELDS])) {
                $fields = $options[CURLOPT_POSTFIELDS];
                return is_array($fields) ? $this->multipart($fields) : (string) $fields;
            }
            if (empty($options[CURLOPT_UPLOAD]) && empty($options[CURLOPT_PUT])) {
                return in_array($this->method, ['GET', 'HEAD'], true) || empty($options[CURLOPT_POST]) ? null : '';
            }
            $body = '';
            $file = $options[CURLOPT_INFILE] ?? null;
            if (!isset($options[CURLOPT_READFUNCTION])) {
                return is_resource($file) ? (string) stream_get_contents($file, $options[CURLOPT_INFILESIZE] ?? -1) : '';
            }
            while (($part = $options[CURLOPT_READFUNCTION]($this->handle, $file, 65536)) !== '' && is_string($part)) {
                $body .= $part;
            }
            return $body;
        }

        private function multipart(array $fields): string
        {
            $boundary = '------------------------' . bin2hex(random_bytes(8));
            $this->handle->contentType = "multipart/form-data; boundary=$boundary";
            $body = '';
            foreach ($fields as $name => $value) {
                foreach (is_array($value) ? $value : [$value] as $one) {
                    [$head, $content] = match (true) {
                        $one instanceof \CURLFile => [
                            '; filename="' . ($one->postname ?: basename($one->name)) . "\"\r\nContent-Type: "
                                . ($one->mime ?: 'application/octet-stream'),
                            file_get_contents($one->name),
                        ],
                        $one instanceof \CURLStringFile => [
                            "; filename=\"$one->postname\"\r\nContent-Type: $one->mime",
                            $one->data,
                        ],
                        default => ['', (string) $one],
                    };
                    $body .= "--$boundary\r\nContent-Disposition: form-data; name=\"$name\"$head\r\n\r\n$content\r\n";
                }
            }
            return "$body--$boundary--\r\n";
        }

        /** @return list<string> */
        private function headers(): array
        {
            $options = $this->handle->options;
            $given = $options[CURLOPT_HTTPHEADER] ?? [];
            $headers = [];
            $names = [];
            foreach ($given as $line) {
                $name = strtolower(trim(strtok($line, ':;')));
                $names[$name] = true;
                // `Name:` leaves a header out, `Name;` sends it empty.
                if (str_ends_with(trim($line), ';') && !str_contains($line, ':')) {
                    $headers[] = rtrim(trim($line), ';') . ': ';
                } elseif (trim(explode(':', $line, 2)[1] ?? '') !== '' && !in_array($name, ['host', 'content-length', 'expect'], true)) {
                    if (!$this->handle->elsewhere || !in_array($name, ['authorization', 'cookie'], true)) {
                        $headers[] = $line;
                    }
                }
            }
            $add = static function (string $name, ?string $value) use (&$headers, $names): void {
                if ($value !== null && $value !== '' && !isset($names[strtolower($name)])) {
                    $headers[] = "$name: $value";
                }
            };
            $add('User-Agent', $options[CURLOPT_USERAGENT] ?? null);
            $add('Referer', $options[CURLOPT_REFERER] ?? null);
            $add('Cookie', $options[CURLOPT_COOKIE] ?? null);
            $add('Range', isset($options[CURLOPT_RANGE]) ? "bytes={$options[CURLOPT_RANGE]}" : null);
            $add('Accept', '*/*');
            $user = $options[CURLOPT_USERPWD]
                ?? (isset($options[CURLOPT_USERNAME]) ? $options[CURLOPT_USERNAME] . ':' . ($options[CURLOPT_PASSWORD] ?? '') : null);
            if ($user !== null && !$this->handle->elsewhere) {
                $add('Authorization', 'Basic ' . base64_encode($user));
            }
            if (isset($options[CURLOPT_XOAUTH2_BEARER]) && !$this->handle->elsewhere) {
                $add('Authorization', 'Bearer ' . $options[CURLOPT_XOAUTH2_BEARER]);
            }
            if ($this->body !== null) {
                $form = $this->method === 'POST' ? 'application/x-www-form-urlencoded' : null;
                $add('Content-Type', $this->handle->contentType ?? $form);
            }
            return $headers;
        }

        private function requestHead(): string
        {
            $url = parse_url($this->url);
            $path = ($url['path'] ?? '/') . (isset($url['query']) ? "?{$url['query']}" : '');
            return "$this->method $path HTTP/1.1\r\nHost: {$url['host']}\r\n" . implode("\r\n", $this->headers()) . "\r\n\r\n";
        }
    }
}

namespace {
    require __DIR__ . '/curl-constants.php';

    final class CurlHandle
    {
        /** @internal */
        public array $options = [];
        /** @internal */
        public array $info = [];
        /** @internal */
        public int $errno = 0;
        /** @internal */
        public string $error = '';
        /** @internal */
        public bool $done = false;
        /** @internal */
        public string $content = '';
        /** @internal */
        public ?string $contentType = null;
        /** @internal whether a redirect has led to another host */
        public bool $elsewhere = false;
        /** @internal */
        public ?Islet\Transfer $transfer = null;

        public function __construct()
        {
            (new Vrzno())->isletCast(Islet\ENGINE, spl_object_id($this));
        }

        /** @internal */
        public function begin(): void
        {
            $this->info = [];
            $this->errno = 0;
            $this->error = '';
            $this->done = false;
            $this->content = '';
            $this->contentType = null;
            $this->elsewhere = false;
            $this->transfer = new Islet\Transfer($this);
            $this->transfer->start();
        }

        /** @internal */
        public function end(int $errno = 0, string $error = ''): void
        {
            $this->errno = $errno;
            $this->error = $error;
            $this->done = true;
        }

        /** @internal */
        public function giveHeaders(array $lines): bool
        {
            foreach ([...$lines, ''] as $line) {
                $line .= "\r\n";
                $function = $this->options[CURLOPT_HEADERFUNCTION] ?? null;
                if ($function !== null && $function($this, $line) !== strlen($line)) {
                    $this->end(CURLE_WRITE_ERROR, 'Failed writing header');
                    return false;
                }
                if ($function === null && isset($this->options[CURLOPT_WRITEHEADER])) {
                    fwrite($this->options[CURLOPT_WRITEHEADER], $line);
                }
                if (!empty($this->options[CURLOPT_HEADER])) {
                    $this->write($line);
                }
            }
            return true;
        }

        /** @internal */
        public function giveBody(string $body): void
        {
            $most = (int) ($this->options[CURLOPT_MAXFILESIZE] ?? 0);
            if ($most > 0 && strlen($body) > $most) {
                $this->end(CURLE_FILESIZE_EXCEEDED, 'Maximum file size exceeded');
                return;
            }
            $progress = $this->options[CURLOPT_XFERINFOFUNCTION] ?? $this->options[CURLOPT_PROGRESSFUNCTION] ?? null;
            for ($at = 0, $size = strlen($body); $at < $size; $at += 16384) {
                $part = substr($body, $at, 16384);
                if (!$this->write($part)) {
                    $this->end(CURLE_WRITE_ERROR, 'Failure writing output to destination');
                    return;
                }
                if ($progress !== null && empty($this->options[CURLOPT_NOPROGRESS] ?? true)) {
                    if ($progress($this, $size, $at + strlen($part), 0, 0)) {
                        $this->end(CURLE_ABORTED_BY_CALLBACK, 'Callback aborted');
                        return;
                    }
                }
            }
            $this->end();
        }

        private function write(string $part): bool
        {
            $function = $this->options[CURLOPT_WRITEFUNCTION] ?? null;
            if ($function !== null) {
                return $function($this, $part) === strlen($part);
            }
            if (isset($this->options[CURLOPT_FILE]) && empty($this->options[CURLOPT_RETURNTRANSFER])) {
                return fwrite($this->options[CURLOPT_FILE], $part) === strlen($part);
            }
            $this->content .= $part;
            return true;
        }
    }

    final class CurlMultiHandle
    {
        /** @internal @var array<int, CurlHandle> */
        public array $handles = [];
        /** @internal @var array<int, true> those that have been told of */
        public array $told = [];
        /** @internal @var list<array> */
        public array $messages = [];

        public function __construct()
        {
            (new Vrzno())->isletCast(Islet\ENGINE, spl_object_id($this));
        }
    }

    final class CurlShareHandle
    {
    }

    class CURLFile
    {
        public function __construct(public string $name, public string $mime = '', public string $postname = '')
        {
        }

        public function getFilename(): string
        {
            return $this->name;
        }

        public function getMimeType(): string
        {
            return $this->mime;
        }

        public function getPostFilename(): string
        {
            return $this->postname;
        }

        public function setMimeType(string $mime_type): void
        {
            $this->mime = $mime_type;
        }

        public function setPostFilename(string $posted_filename): void
        {
            $this->postname = $posted_filename;
        }
    }

    class CURLStringFile
    {
        public function __construct(public string $data, public string $postname, public string $mime = 'application/octet-stream')
        {
        }
    }

    function curl_file_create(string $filename, ?string $mime_type = null, ?string $posted_filename = null): CURLFile
    {
        return new CURLFile($filename, $mime_type ?? '', $posted_filename ?? '');
    }

    function curl_init(?string $url = null): CurlHandle|false
    {
        $handle = new CurlHandle();
        if ($url !== null) {
            $handle->options[CURLOPT_URL] = $url;
        }
        return $handle;
    }

    function curl_setopt(CurlHandle $handle, int $option, mixed $value): bool
    {
        if ($value === null) {
            unset($handle->options[$option]);
            return true;
        }
        $handle->options[$option] = $value;
        // The last of those that name a method counts.
        if ($option === CURLOPT_HTTPGET && $value) {
            unset(
                $handle->options[CURLOPT_POST],
                $handle->options[CURLOPT_POSTFIELDS],
                $handle->options[CURLOPT_NOBODY],
                $handle->options[CURLOPT_UPLOAD],
                $handle->options[CURLOPT_PUT],
            );
        }
        if (($option === CURLOPT_POST || $option === CURLOPT_UPLOAD) && $value) {
            unset($handle->options[CURLOPT_NOBODY]);
        }
        return true;
    }

    function curl_setopt_array(CurlHandle $handle, array $options): bool
    {
        foreach ($options as $option => $value) {
            curl_setopt($handle, $option, $value);
        }
        return true;
    }

    function curl_exec(CurlHandle $handle): string|bool
    {
        $handle->begin();
        while (!$handle->transfer->take()) {
            Islet\Transfer::wait([$handle->transfer], 3600);
        }
        if ($handle->errno !== 0) {
            return false;
        }
        if (!empty($handle->options[CURLOPT_RETURNTRANSFER])) {
            return $handle->content;
        }
        echo $handle->content;
        return true;
    }

    function curl_getinfo(CurlHandle $handle, ?int $option = null): mixed
    {
        $defaults = [
            'url' => (string) ($handle->options[CURLOPT_URL] ?? ''),
            'content_type' => null,
            'http_code' => 0,
            'header_size' => 0,
            'request_size' => 0,
            'filetime' => -1,
            'ssl_verify_result' => 0,
            'redirect_count' => 0,
            'total_time' => 0.0,
            'namelookup_time' => 0.0,
            'connect_time' => 0.0,
            'pretransfer_time' => 0.0,
            'size_upload' => 0.0,
            'size_download' => 0.0,
            'speed_download' => 0.0,
            'speed_upload' => 0.0,
            'download_content_length' => -1.0,
            'upload_content_length' => -1.0,
            'starttransfer_time' => 0.0,
            'redirect_time' => 0.0,
            'redirect_url' => '',
            'primary_ip' => '',
            'certinfo' => [],
            'primary_port' => 0,
            'local_ip' => '',
            'local_port' => 0,
            'http_version' => 2,
            'protocol' => 0,
            'ssl_verifyresult' => 0,
            'scheme' => strtoupper((string) parse_url($handle->info['url'] ?? '', PHP_URL_SCHEME)),
            'appconnect_time_us' => 0,
            'connect_time_us' => 0,
            'namelookup_time_us' => 0,
            'pretransfer_time_us' => 0,
            'redirect_time_us' => 0,
            'starttransfer_time_us' => 0,
            'total_time_us' => 0,
            'effective_method' => 'GET',
        ];
        $info = array_merge($defaults, $handle->info);
        if ($option === null) {
            if (empty($handle->options[CURLINFO_HEADER_OUT])) {
                unset($info['request_header']);
            }
            return $info;
        }
        return match ($option) {
            CURLINFO_EFFECTIVE_URL => $info['url'],
            CURLINFO_RESPONSE_CODE => $info['http_code'],
            CURLINFO_CONTENT_TYPE => $info['content_type'],
            CURLINFO_HEADER_SIZE => $info['header_size'],
            CURLINFO_TOTAL_TIME => $info['total_time'],
            CURLINFO_SIZE_DOWNLOAD => $info['size_download'],
            CURLINFO_SIZE_UPLOAD => $info['size_upload'],
            CURLINFO_CONTENT_LENGTH_DOWNLOAD => $info['download_content_length'],
            CURLINFO_REDIRECT_COUNT => $info['redirect_count'],
            CURLINFO_REDIRECT_URL => $info['redirect_url'],
            CURLINFO_PRIVATE => $handle->options[CURLOPT_PRIVATE] ?? false,
            CURLINFO_HEADER_OUT => $info['request_header'] ?? false,
            CURLINFO_SCHEME => $info['scheme'],
            CURLINFO_HTTP_VERSION => $info['http_version'],
            CURLINFO_PRIMARY_IP => $info['primary_ip'],
            CURLINFO_FILETIME => -1,
            CURLINFO_COOKIELIST, CURLINFO_CERTINFO => [],
            default => 0,
        };
    }

    function curl_errno(CurlHandle $handle): int
    {
        return $handle->errno;
    }

    function curl_error(CurlHandle $handle): string
    {
        return $handle->error;
    }

    function curl_strerror(int $error_code): ?string
    {
        return [
            CURLE_OK => 'No error',
            CURLE_UNSUPPORTED_PROTOCOL => 'Unsupported protocol',
            CURLE_URL_MALFORMAT => 'URL using bad/illegal format or missing URL',
            CURLE_COULDNT_RESOLVE_HOST => 'Could not resolve hostname',
            CURLE_COULDNT_CONNECT => 'Could not connect to server',
            CURLE_HTTP_RETURNED_ERROR => 'HTTP response code said error',
            CURLE_WRITE_ERROR => 'Failed writing received data to disk/application',
            CURLE_OPERATION_TIMEDOUT => 'Timeout was reached',
            CURLE_ABORTED_BY_CALLBACK => 'Operation was aborted by an application callback',
            CURLE_TOO_MANY_REDIRECTS => 'Number of redirects hit maximum amount',
            CURLE_FILESIZE_EXCEEDED => 'Maximum file size exceeded',
        ][$error_code] ?? 'Unknown error';
    }

    function curl_close(CurlHandle $handle): void
    {
    }

    function curl_reset(CurlHandle $handle): void
    {
        $handle->options = [];
        $handle->info = [];
    }

    function curl_copy_handle(CurlHandle $handle): CurlHandle|false
    {
        $copy = new CurlHandle();
        $copy->options = $handle->options;
        return $copy;
    }

    function curl_pause(CurlHandle $handle, int $flags): int
    {
        return CURLE_OK;
    }

    function curl_upkeep(CurlHandle $handle): bool
    {
        return true;
    }

    function curl_escape(CurlHandle $handle, string $string): string|false
    {
        return rawurlencode($string);
    }

    function curl_unescape(CurlHandle $handle, string $string): string|false
    {
        return rawurldecode($string);
    }

    function curl_version(): array|false
    {
        return [
            'version_number' => 0x080500,
            'age' => 10,
            'features' => CURL_VERSION_SSL | CURL_VERSION_LIBZ,
            'ssl_version_number' => 0,
            'version' => '8.5.0',
            'host' => 'wasm32-islet',
            'ssl_version' => 'Islet',
            'libz_version' => '',
            'protocols' => ['http', 'https'],
        ];
    }

    function curl_multi_init(): CurlMultiHandle
    {
        return new CurlMultiHandle();
    }

    function curl_multi_setopt(CurlMultiHandle $multi_handle, int $option, mixed $value): bool
    {
        return true;
    }

    function curl_multi_add_handle(CurlMultiHandle $multi_handle, CurlHandle $handle): int
    {
        $id = spl_object_id($handle);
        if (isset($multi_handle->handles[$id])) {
            return CURLM_ADDED_ALREADY;
        }
        $handle->transfer = null;
        $handle->done = false;
        $multi_handle->handles[$id] = $handle;
        return CURLM_OK;
    }

    function curl_multi_remove_handle(CurlMultiHandle $multi_handle, CurlHandle $handle): int
    {
        $id = spl_object_id($handle);
        unset($multi_handle->handles[$id], $multi_handle->told[$id]);
        return CURLM_OK;
    }

    function curl_multi_exec(CurlMultiHandle $multi_handle, &$still_running): int
    {
        $still_running = 0;
        foreach ($multi_handle->handles as $id => $handle) {
            if (isset($multi_handle->told[$id])) {
                continue;
            }
            if ($handle->transfer === null) {
                $handle->begin();
            }
            if ($handle->transfer->take()) {
                $multi_handle->told[$id] = true;
                $multi_handle->messages[] = ['msg' => CURLMSG_DONE, 'result' => $handle->errno, 'handle' => $handle];
            } else {
                $still_running += 1;
            }
        }
        return CURLM_OK;
    }

    function curl_multi_select(CurlMultiHandle $multi_handle, float $timeout = 1.0): int
    {
        $under = array_filter(
            $multi_handle->handles,
            static fn (CurlHandle $handle): bool => $handle->transfer !== null && !$handle->done,
        );
        if ($under === []) {
            return 0;
        }
        Islet\Transfer::wait(array_map(static fn (CurlHandle $handle) => $handle->transfer, $under), $timeout);
        return count($under);
    }

    function curl_multi_info_read(CurlMultiHandle $multi_handle, &$queued_messages = null): array|false
    {
        $message = array_shift($multi_handle->messages);
        $queued_messages = count($multi_handle->messages);
        return $message ?? false;
    }

    function curl_multi_getcontent(CurlHandle $handle): ?string
    {
        return empty($handle->options[CURLOPT_RETURNTRANSFER]) ? null : $handle->content;
    }

    function curl_multi_get_handles(CurlMultiHandle $multi_handle): array
    {
        return array_values($multi_handle->handles);
    }

    function curl_multi_close(CurlMultiHandle $multi_handle): void
    {
        $multi_handle->handles = [];
    }

    function curl_multi_errno(CurlMultiHandle $multi_handle): int
    {
        return CURLM_OK;
    }

    function curl_multi_strerror(int $error_code): ?string
    {
        return $error_code === CURLM_OK ? 'No error' : 'Unknown error';
    }

    function curl_share_init(): CurlShareHandle
    {
        return new CurlShareHandle();
    }

    function curl_share_setopt(CurlShareHandle $share_handle, int $option, mixed $value): bool
    {
        return true;
    }

    function curl_share_close(CurlShareHandle $share_handle): void
    {
    }

    function curl_share_errno(CurlShareHandle $share_handle): int
    {
        return 0;
    }

    function curl_share_strerror(int $error_code): ?string
    {
        return $error_code === 0 ? 'No error' : 'Unknown error';
    }
}
