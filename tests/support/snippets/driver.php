<?php

// The driver of the PHP snippets: php driver.php <snippet>

declare(strict_types=1);

// A warning is a crash too.
set_error_handler(static fn (int $level, string $text) => throw new ErrorException($text));

require $argv[1];

while (($line = fgets(STDIN)) !== false) {
    $given = json_decode($line, true, flags: JSON_THROW_ON_ERROR);
    try {
        verify(base64_decode($given['body_base64'], true), $given['headers'], $given['key']);
        echo "ok\n";
    } catch (RuntimeException $refusal) {
        if ($refusal::class !== RuntimeException::class) {
            throw $refusal;
        }
        echo "refused: {$refusal->getMessage()}\n";
    }
}
