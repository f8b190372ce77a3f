<?php

/**
 * Starts the machine's programs ("Program execution Functions", PHP manual). A process runs when something of it is asked
 * for: its output, its end. Until then its input can be written; then it runs to its end.
 */

namespace Islet {
    final class Process
    {
        /** @var array<int, self> by the number of the resource that stands for it */
        private static array $known = [];
        private static int $count = 0;

        public readonly int $number;
        public string $input = '';
        /** @var array<int, string> what has not been read, by descriptor */
        public array $output = [1 => '', 2 => ''];
        public ?int $status = null;
        private int $asked = 0;

        public function __construct(
            public readonly string|array $command,
            private array $descriptors,
            private ?string $directory,
            private ?array $environment,
        ) {
            $this->number = ++self::$count;
            self::$known[$this->number] = $this;
        }

        public static function numbered(int $number): ?self
        {
            return self::$known[$number] ?? null;
        }

        /** Runs it to its end, once. */
        public function run(): int
        {
            if ($this->status !== null) {
                return $this->status;
            }
            foreach ([1, 2] as $descriptor) {
                $streams[] = $this->inherits($descriptor) ? 'inherit' : 'pipe';
            }
            $input = $this->input . $this->inputFile();
            $answer = json_decode(vrzno_await((new \Vrzno())->isletSpawn(json_encode([
                'command' => $this->command,
                'directory' => $this->directory ?? getcwd(),
                'environment' => (object) $this->environment(),
                'input' => base64_encode($input),
                'streams' => $streams,
            ]))), true);
            $this->status = $answer['status'];
            foreach ([1, 2] as $descriptor) {
                $this->place($descriptor, base64_decode($answer['output'][$descriptor - 1]));
            }
            return $this->status;
        }

        /** Whether it is under way. Who asks again and again waits for it. */
        public function isRunning(): bool
        {
            if ($this->status === null && ++$this->asked > 2) {
                $this->run();
            }
            return $this->status === null;
        }

        private function inherits(int $descriptor): bool
        {
            $to = $this->descriptors[$descriptor] ?? null;
            return $to === null || (is_resource($to) && in_array($to, [\STDOUT, \STDERR], true));
        }

        /** @return array<string, string> of what proc_open takes: by their names, or as `NAME=value` */
        private function environment(): array
        {
            $pairs = [];
            foreach ($this->environment ?? getenv() as $name => $value) {
                [$name, $value] = is_int($name) ? [...explode('=', $value, 2), ''] : [$name, $value];
                $pairs[$name] = (string) $value;
            }
            return $pairs;
        }

        private function inputFile(): string
        {
            $from = $this->descriptors[0] ?? null;
            if (is_resource($from) && $from !== \STDIN) {
                return (string) stream_get_contents($from);
            }
            return is_array($from) && $from[0] === 'file' ? (string) file_get_contents($from[1]) : '';
        }

        private function place(int $descriptor, string $output): void
        {
            $to = $this->descriptors[$descriptor] ?? null;
            if (is_array($to) && $to[0] === 'redirect') {
                $this->place($to[1], $output);
            } elseif (is_array($to) && $to[0] === 'file') {
                file_put_contents($to[1], $output, str_starts_with($to[2] ?? 'w', 'a') ? FILE_APPEND : 0);
            } elseif (is_resource($to)) {
                fwrite($to, $output);
            } else {
                $this->output[$descriptor] .= $output;
            }
        }
    }

    /** The end of a pipe to a process: `islet-process://<number>/<descriptor>`. */
    final class ProcessStream
    {
        /** @var resource|null */
        public $context;
        private ?Process $process = null;
        private int $descriptor = 0;

        public function stream_open(string $path, string $mode, int $options, ?string &$opened): bool
        {
            [$number, $descriptor] = explode('/', substr($path, strlen('islet-process://')));
            $this->process = Process::numbered((int) $number);
            $this->descriptor = (int) $descriptor;
            return $this->process !== null;
        }

        public function stream_read(int $count): string
        {
            $this->process->run();
            $output = &$this->process->output[$this->descriptor];
            $part = substr($output, 0, $count);
            $output = substr($output, strlen($part));
            return $part;
        }

        public function stream_write(string $data): int
        {
            $this->process->input .= $data;
            return strlen($data);
        }

        public function stream_eof(): bool
        {
            return $this->process->status !== null && ($this->process->output[$this->descriptor] ?? '') === '';
        }

        public function stream_close(): void
        {
        }

        public function stream_set_option(int $option, int $first, ?int $second): bool
        {
            return false;
        }

        /** @return array<string, int> */
        public function stream_stat(): array
        {
            return [];
        }
    }

    stream_wrapper_register('islet-process', ProcessStream::class);
}

namespace {
    use Islet\Process;

    function proc_open(
        array|string $command,
        array $descriptor_spec,
        &$pipes,
        ?string $cwd = null,
        ?array $env_vars = null,
        ?array $options = null,
    ) {
        $process = new Process($command, $descriptor_spec, $cwd, $env_vars);
        $pipes = [];
        foreach ($descriptor_spec as $descriptor => $spec) {
            if (is_array($spec) && in_array($spec[0], ['pipe', 'pty'], true) && $descriptor <= 2) {
                $pipes[$descriptor] = fopen("islet-process://$process->number/$descriptor", $descriptor === 0 ? 'w' : 'r');
            }
        }
        return fopen("islet-process://$process->number/0", 'r');
    }

    /** @internal */
    function islet_process($handle): Process
    {
        return Process::numbered((int) explode('/', stream_get_meta_data($handle)['uri'])[2]);
    }

    function proc_close($process): int
    {
        $status = islet_process($process)->run();
        fclose($process);
        return $status;
    }

    function proc_terminate($process, int $signal = 15): bool
    {
        islet_process($process)->status ??= 128 + $signal;
        return true;
    }

    function proc_get_status($process): array
    {
        $of = islet_process($process);
        $running = $of->isRunning();
        return [
            'command' => is_array($of->command) ? implode(' ', $of->command) : $of->command,
            'pid' => $of->number,
            'running' => $running,
            'signaled' => false,
            'stopped' => false,
            'exitcode' => $running ? -1 : $of->status,
            'termsig' => 0,
            'stopsig' => 0,
            'cached' => false,
        ];
    }

    /** What is read of a process is there when it is read, so every stream is ready. */
    function stream_select(?array &$read, ?array &$write, ?array &$except, ?int $seconds, ?int $microseconds = null): int|false
    {
        $except = null;
        return count($read ?? []) + count($write ?? []);
    }

    function exec(string $command, &$output = null, &$result_code = null): string|false
    {
        $process = new Process($command, [1 => ['pipe', 'w']], null, null);
        $result_code = $process->run();
        $lines = $process->output[1] === '' ? [] : preg_split('/\r?\n/', preg_replace('/\r?\n$/D', '', $process->output[1]));
        $output = [...(is_array($output) ? $output : []), ...array_map('rtrim', $lines)];
        return rtrim($lines === [] ? '' : $lines[count($lines) - 1]);
    }

    function shell_exec(string $command): string|false|null
    {
        $process = new Process($command, [1 => ['pipe', 'w']], null, null);
        $process->run();
        return $process->output[1] === '' ? null : $process->output[1];
    }

    function system(string $command, &$result_code = null): string|false
    {
        $last = exec($command, $lines, $result_code);
        echo implode("\n", $lines), $lines === [] ? '' : "\n";
        return $last;
    }

    function passthru(string $command, &$result_code = null): ?false
    {
        $process = new Process($command, [1 => ['pipe', 'w']], null, null);
        $result_code = $process->run();
        echo $process->output[1];
        return null;
    }

    function popen(string $command, string $mode)
    {
        $reads = str_starts_with($mode, 'r');
        $process = new Process($command, $reads ? [1 => ['pipe', 'w']] : [0 => ['pipe', 'r']], null, null);
        return fopen("islet-process://$process->number/" . ($reads ? 1 : 0), $mode);
    }

    function pclose($handle): int
    {
        $status = islet_process($handle)->run();
        fclose($handle);
        return $status;
    }
}
