<?php

// Those that PHP has in it, and those that the library stands for.

function extension_loaded(string $extension): bool
{
    static $loaded = null;
    $loaded ??= array_fill_keys(array_map('strtolower', get_loaded_extensions()), true);
    $name = strtolower($extension);
    return isset($loaded[$name]) || in_array($name, Islet\StandIns::$names, true);
}
