<?php

// Those that PHP has in it, and those that the library stands for.

function extension_loaded(string $extension): bool
{
    static $loaded = null;
    $loaded ??= array_fill_keys(array_map('strtolower', [...get_loaded_extensions(), ...Islet\STAND_INS]), true);
    return isset($loaded[strtolower($extension)]);
}
