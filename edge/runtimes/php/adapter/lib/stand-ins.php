<?php

namespace Islet;

/** Extensions that the library stands for. */
final class StandIns
{
    /** @var list<string> */
    public static array $names = [];
}
