<?php

// Verifies a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.
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
    $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, strlen('whsec_')), true) : false;
    if ($key === false || $key === '') {
        throw new RuntimeException('The secret is not whsec_ followed by base64.');
    }

    foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
        if (($headers[$name] ?? '') === '') {
            throw new RuntimeException("The header $name is missing.");
        }
    }
    $timestamp = $headers['webhook-timestamp'];
    if (preg_match('/\A[0-9]{1,12}\z/', $timestamp) !== 1) {
        throw new RuntimeException('The timestamp is not a number of seconds.');
    }
    if (abs(time() - (int) $timestamp) > 300) {
        throw new RuntimeException('The timestamp is more than 300 seconds off.');
    }

    $signed = "{$headers['webhook-id']}.$timestamp.$body";
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
    // While a secret is being rotated the header contains two signatures; one match is enough.
    foreach (explode(' ', $headers['webhook-signature']) as $signature) {
        if (hash_equals($expected, $signature)) {
            return;
        }
    }
    throw new RuntimeException('No signature matches.');
}
