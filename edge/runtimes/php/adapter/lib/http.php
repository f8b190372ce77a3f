<?php

namespace Islet;

/**
 * `http://` and `https://` for fopen, file_get_contents and copy, by the fetch of the Worker that PHP runs in: PHP's own
 * would need sockets. Takes the options of an `http` context ("HTTP context options", PHP manual).
 */
final class HttpStream
{
    /** @var resource|null */
    public $context;
    /** @var list<string> the response's status line and headers: `wrapper_data` of stream_get_meta_data */
    public array $headers = [];
    private string $body = '';
    private int $at = 0;
    /** @var list<string>|null those of the last response */
    public static ?array $last = null;

    /** @return list<string> */
    private function headers(array|string $given, string|false $agent): array
    {
        $lines = is_array($given) ? array_values($given) : preg_split('/\r?\n/', trim($given));
        return $agent && !preg_grep('/^user-agent\s*:/i', $lines) ? ["User-Agent: $agent", ...$lines] : $lines;
    }

    public function stream_open(string $url, string $mode, int $options, ?string &$opened): bool
    {
        $given = $this->context ? stream_context_get_options($this->context) : [];
        $context = ($given['http'] ?? []) + ($given['https'] ?? []);
        $headers = $context['header'] ?? [];
        $answer = json_decode(vrzno_await((new \Vrzno())->isletFetch(json_encode([
            'url' => $url,
            'method' => $context['method'] ?? 'GET',
            'headers' => $this->headers($headers, $context['user_agent'] ?? ini_get('user_agent')),
            'body' => isset($context['content']) ? base64_encode($context['content']) : null,
            'follow' => (bool) ($context['follow_location'] ?? true),
            'seconds' => (float) ($context['timeout'] ?? ini_get('default_socket_timeout')),
        ]))), true);
        $problem = $answer['error'] ?? null;
        if ($problem === null) {
            $this->headers = self::$last = $answer['headers'];
            $this->body = base64_decode($answer['body']);
            if ($answer['status'] >= 400 && empty($context['ignore_errors'])) {
                $problem = "HTTP request failed! {$answer['headers'][0]}";
            }
        }
        if ($problem !== null) {
            trigger_error("$url: Failed to open stream: $problem", E_USER_WARNING);
        }
        return $problem === null;
    }

    public function stream_read(int $count): string
    {
        $chunk = substr($this->body, $this->at, $count);
        $this->at += strlen($chunk);
        return $chunk;
    }

    public function stream_eof(): bool
    {
        return $this->at >= strlen($this->body);
    }

    /** @return array<string, int> */
    public function stream_stat(): array
    {
        return ['size' => strlen($this->body)];
    }

    public function stream_set_option(int $option, int $first, ?int $second): bool
    {
        return false;
    }
}

foreach (['http', 'https'] as $protocol) {
    if (in_array($protocol, stream_get_wrappers(), true)) {
        stream_wrapper_unregister($protocol);
    }
    stream_wrapper_register($protocol, HttpStream::class, STREAM_IS_URL);
}
unset($protocol);
