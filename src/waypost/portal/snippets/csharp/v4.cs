// Verifies a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.
// ASP.NET Core: var raw = new MemoryStream(); await Request.Body.CopyToAsync(raw); the raw body is raw.ToArray();
// headers are Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()). .NET 6 or later.

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

public static class V4Signature
{
    /// <summary>Returns if the webhook is genuine and recent; throws a CryptographicException if not.</summary>
    public static void Verify(byte[] body, IReadOnlyDictionary<string, string> headers, string secret)
    {
        if (string.IsNullOrEmpty(secret))
            throw new CryptographicException("The secret is empty.");

        foreach (var name in new[] { "timestamp", "signature" })
            if (!headers.TryGetValue(name, out var value) || string.IsNullOrEmpty(value))
                throw new CryptographicException($"The header {name} is missing.");
        var timestamp = headers["timestamp"];
        if (!Regex.IsMatch(timestamp, @"\A[0-9]{1,12}\z"))
            throw new CryptographicException("The timestamp is not a number of seconds.");
        if (Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(timestamp)) > 300)
            throw new CryptographicException("The timestamp is more than 300 seconds off.");

        using var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(secret));
        var digest = hmac.ComputeHash(Encoding.UTF8.GetBytes(timestamp));
        var expected = Encoding.UTF8.GetBytes(Convert.ToHexString(digest).ToLowerInvariant());
        if (!CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(headers["signature"])))
            throw new CryptographicException("The signature does not match.");
    }
}
