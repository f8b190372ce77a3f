<?php

namespace Composer;

/** Tells an app which packages it was built with. */
class InstalledVersions
{
    /** @var array<string, array<string, mixed>>|null by name */
    private static ?array $packages = null;

    /** @return array<string, array<string, mixed>> */
    private static function packages(): array
    {
        if (self::$packages === null) {
            $installed = json_decode(file_get_contents(__DIR__ . '/installed.json'), true);
            self::$packages = array_column($installed['packages'], null, 'name');
        }
        return self::$packages;
    }

    /** @return list<string> */
    public static function getInstalledPackages(): array
    {
        return array_keys(self::packages());
    }

    /** @return list<string> */
    public static function getInstalledPackagesByType(string $type): array
    {
        return array_keys(array_filter(self::packages(), static fn (array $package): bool => $package['type'] === $type));
    }

    public static function isInstalled(string $name, bool $includeDevRequirements = true): bool
    {
        return isset(self::packages()[$name]);
    }

    public static function getVersion(string $name): ?string
    {
        return ltrim(self::of($name)['version'], 'v');
    }

    public static function getPrettyVersion(string $name): ?string
    {
        return self::of($name)['version'];
    }

    public static function getReference(string $name): ?string
    {
        return self::of($name)['reference'] ?? null;
    }

    public static function getInstallPath(string $name): ?string
    {
        return __DIR__ . '/' . self::of($name)['install-path'];
    }

    /** @return array<string, mixed> */
    private static function of(string $name): array
    {
        return self::packages()[$name]
            ?? throw new \OutOfBoundsException("Package \"$name\" is not installed");
    }
}
