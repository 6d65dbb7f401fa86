<?php

// Verifies a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.
// Laravel: the raw body is $request->getContent(); headers are
// array_map(fn (array $values) => (string) $values[0], $request->headers->all()). PHP 8 or later.

declare(strict_types=1);

/**
 * Returns if the webhook is genuine and recent; throws a RuntimeException if not.
 *
 * @param array<string, string> $headers
 */
function verify(string $body, array $headers, string $secret): void
{
    if ($secret === '') {
        throw new RuntimeException('The secret is empty.');
    }

    foreach (['timestamp', 'signature'] as $name) {
        if (($headers[$name] ?? '') === '') {
            throw new RuntimeException("The header $name is missing.");
        }
    }
    $timestamp = $headers['timestamp'];
    if (preg_match('/\A[0-9]{1,12}\z/', $timestamp) !== 1) {
        throw new RuntimeException('The timestamp is not a number of seconds.');
    }
    if (abs(time() - (int) $timestamp) > 300) {
        throw new RuntimeException('The timestamp is more than 300 seconds off.');
    }

    if (!hash_equals(hash_hmac('sha256', $timestamp, $secret), $headers['signature'])) {
        throw new RuntimeException('The signature does not match.');
    }
}
