<?php

// Functions that wait: PHP's own would keep the whole isolate waiting, and what it has sent too.

function sleep(int $seconds): int
{
    if ($seconds < 0) {
        throw new ValueError('sleep(): Argument #1 ($seconds) must be greater than or equal to 0');
    }
    vrzno_await((new Vrzno())->isletSleep((float) $seconds));
    return 0;
}

function usleep(int $microseconds): void
{
    if ($microseconds < 0) {
        throw new ValueError('usleep(): Argument #1 ($microseconds) must be greater than or equal to 0');
    }
    vrzno_await((new Vrzno())->isletSleep($microseconds / 1e6));
}

function time_nanosleep(int $seconds, int $nanoseconds): bool
{
    vrzno_await((new Vrzno())->isletSleep($seconds + $nanoseconds / 1e9));
    return true;
}

function time_sleep_until(float $timestamp): bool
{
    $seconds = $timestamp - microtime(true);
    if ($seconds <= 0) {
        trigger_error('time_sleep_until(): Argument #1 ($timestamp) must be greater than or equal to the current time', E_USER_WARNING);
        return false;
    }
    vrzno_await((new Vrzno())->isletSleep($seconds));
    return true;
}
