<?php

namespace Composer\Autoload;

/** Finds classes as Composer's loader does, by PSR-4, PSR-0 and a map, with its methods that apps call. */
class ClassLoader
{
    /** @var array<string, self> by the vendor directory */
    private static array $registered = [];

    /** @var array<string, list<string>> */
    private array $psr4 = [];
    /** @var array<string, list<string>> */
    private array $psr0 = [];
    /** @var array<string, string> */
    private array $classMap = [];

    public function __construct(private ?string $vendorDir = null)
    {
    }

    /**
     * Registers the loader of an app, once, and runs the files that its packages want run.
     *
     * @param string $base the directory that paths are relative to
     */
    public static function load(string $vendor, string $base): self
    {
        if (isset(self::$registered[$vendor])) {
            return self::$registered[$vendor];
        }
        $data = json_decode(file_get_contents($vendor . '/composer/autoload.json'), true);
        $absolute = static fn (string $path): string => $path === '' ? $base : $base . '/' . $path;
        $loader = new self($vendor);
        foreach ($data['psr4'] as $prefix => $paths) {
            $loader->setPsr4((string) $prefix, array_map($absolute, $paths));
        }
        foreach ($data['psr0'] as $prefix => $paths) {
            $loader->set((string) $prefix, array_map($absolute, $paths));
        }
        $loader->addClassMap(array_map($absolute, $data['classmap']));
        $loader->register();
        foreach ($data['files'] as $file) {
            self::run($absolute($file));
        }
        return $loader;
    }

    private static function run(string $file): void
    {
        $name = md5($file);
        if (empty($GLOBALS['__composer_autoload_files'][$name])) {
            $GLOBALS['__composer_autoload_files'][$name] = true;
            (static function () use ($file): void {
                require $file;
            })();
        }
    }

    /** @return array<string, self> */
    public static function getRegisteredLoaders(): array
    {
        return self::$registered;
    }

    /** @return array<string, list<string>> */
    public function getPrefixesPsr4(): array
    {
        return $this->psr4;
    }

    /** @return array<string, list<string>> */
    public function getPrefixes(): array
    {
        return $this->psr0;
    }

    /** @return array<string, string> */
    public function getClassMap(): array
    {
        return $this->classMap;
    }

    /** @param array<string, string> $classMap */
    public function addClassMap(array $classMap): void
    {
        $this->classMap = $classMap + $this->classMap;
    }

    public function addPsr4(string $prefix, array|string $paths, bool $prepend = false): void
    {
        $this->psr4[$prefix] = self::joined($this->psr4[$prefix] ?? [], (array) $paths, $prepend);
    }

    public function setPsr4(string $prefix, array|string $paths): void
    {
        $this->psr4[$prefix] = (array) $paths;
    }

    public function add(string $prefix, array|string $paths, bool $prepend = false): void
    {
        $this->psr0[$prefix] = self::joined($this->psr0[$prefix] ?? [], (array) $paths, $prepend);
    }

    public function set(string $prefix, array|string $paths): void
    {
        $this->psr0[$prefix] = (array) $paths;
    }

    private static function joined(array $known, array $paths, bool $prepend): array
    {
        return $prepend ? [...$paths, ...$known] : [...$known, ...$paths];
    }

    public function register(bool $prepend = false): void
    {
        spl_autoload_register([$this, 'loadClass'], true, $prepend);
        if ($this->vendorDir !== null) {
            self::$registered[$this->vendorDir] = $this;
        }
    }

    public function unregister(): void
    {
        spl_autoload_unregister([$this, 'loadClass']);
        if ($this->vendorDir !== null) {
            unset(self::$registered[$this->vendorDir]);
        }
    }

    public function loadClass(string $class): ?bool
    {
        $file = $this->findFile($class);
        if ($file === false) {
            return null;
        }
        (static function () use ($file): void {
            include $file;
        })();
        return true;
    }

    /** @return string|false */
    public function findFile(string $class)
    {
        if (!isset($this->classMap[$class])) {
            $file = $this->searched($class);
            if ($file === null) {
                return false;
            }
            $this->classMap[$class] = $file;
        }
        return $this->classMap[$class];
    }

    private function searched(string $class): ?string
    {
        // The longest prefix first.
        for ($prefix = $class; ($end = strrpos($prefix, '\\')) !== false;) {
            $prefix = substr($class, 0, $end);
            $rest = strtr(substr($class, $end + 1), '\\', '/') . '.php';
            foreach ($this->psr4[$prefix . '\\'] ?? [] as $path) {
                if (is_file($file = "$path/$rest")) {
                    return $file;
                }
            }
        }
        foreach ($this->psr4[''] ?? [] as $path) {
            if (is_file($file = $path . '/' . strtr($class, '\\', '/') . '.php')) {
                return $file;
            }
        }
        $last = strrpos($class, '\\');
        $name = $last === false ? $class : substr($class, $last + 1);
        $place = $last === false ? '' : strtr(substr($class, 0, $last + 1), '\\', '/');
        $relative = $place . strtr($name, '_', '/') . '.php';
        foreach ($this->psr0 as $prefix => $paths) {
            if ($prefix !== '' && !str_starts_with($class, $prefix)) {
                continue;
            }
            foreach ($paths as $path) {
                if (is_file($file = "$path/$relative")) {
                    return $file;
                }
            }
        }
        return null;
    }
}
