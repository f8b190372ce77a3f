<?php

// Runs before a program: gives it what PHP's command line has and its CGI program has not.
define('STDIN', fopen('php://stdin', 'r'));
define('STDOUT', fopen('php://output', 'w'));
define('STDERR', fopen('php://stderr', 'w'));
$argv = $_SERVER['argv'] = json_decode(getenv('ISLET_ARGV'));
$argc = $_SERVER['argc'] = count($argv);
chdir(getenv('ISLET_DIRECTORY'));
foreach (array_keys(getenv()) as $name) {
    if (preg_match('/^(ISLET_\w+|REDIRECT_STATUS|GATEWAY_INTERFACE|REQUEST_METHOD|SCRIPT_FILENAME)$/', $name)) {
        putenv($name);
        unset($_ENV[$name], $_SERVER[$name]);
    }
}
unset($name);
require '/islet/lib/prepend.php';
// The headers go before any output. What follows this mark is the program's.
echo "\x1eislet\n";
