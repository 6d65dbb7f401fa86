<?php

// Verifies a webhook by TrackingMore's V3 signature. It covers the time only: the standard one covers the body too.
// Laravel: the raw body is $request->getContent(). V3 signs inside the body; headers is not used:
// array_map(fn (array $values) => (string) $values[0], $request->headers->all()). PHP 8 or later.

declare(strict_types=1);

/**
 * Returns if the webhook is genuine and recent; throws a RuntimeException if not. The key is the account's e-mail.
 *
 * @param array<string, string> $headers
 */
function verify(string $body, array $headers, string $email): void
{
    if ($email === '') {
        throw new RuntimeException('The e-mail address is empty.');
    }

    $fields = json_decode($body, true)['verify'] ?? null;
    $timestamp = $fields['timestamp'] ?? null;
    $signature = $fields['signature'] ?? null;
    if (!(is_int($timestamp) || is_string($timestamp)) || !is_string($signature)) {
        throw new RuntimeException('The body is not JSON with verify.timestamp and verify.signature.');
    }
    if (preg_match('/\A[0-9]{1,12}\z/', (string) $timestamp) !== 1) {
        throw new RuntimeException('The timestamp is not a number of seconds.');
    }
    if (abs(time() - (int) $timestamp) > 300) {
        throw new RuntimeException('The timestamp is more than 300 seconds off.');
    }

    if (!hash_equals(hash_hmac('sha256', (string) $timestamp, $email), $signature)) {
        throw new RuntimeException('The signature does not match.');
    }
}
