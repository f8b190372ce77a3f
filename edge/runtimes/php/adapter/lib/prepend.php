<?php

require __DIR__ . '/http.php';
require __DIR__ . '/sleep.php';
