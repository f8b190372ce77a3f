<?php

// Of the streams in http.php.

/** @return list<string>|null */
function http_get_last_response_headers(): ?array
{
    return Islet\HttpStream::$last;
}

function http_clear_last_response_headers(): void
{
    Islet\HttpStream::$last = null;
}
