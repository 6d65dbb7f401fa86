// Verifies a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.
// ASP.NET Core: var raw = new MemoryStream(); await Request.Body.CopyToAsync(raw); the raw body is raw.ToArray();
// headers are Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()). .NET 6 or later.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

public static class StandardSignature
{
    /// <summary>Returns if the webhook is genuine and recent; throws a CryptographicException if not.</summary>
    public static void Verify(byte[] body, IReadOnlyDictionary<string, string> headers, string secret)
    {
        var key = new byte[secret.Length];
        if (!secret.StartsWith("whsec_", StringComparison.Ordinal)
            || !Convert.TryFromBase64String(secret.Substring("whsec_".Length), key, out var keyLength)
            || keyLength == 0)
            throw new CryptographicException("The secret is not whsec_ followed by base64.");

        foreach (var name in new[] { "webhook-id", "webhook-timestamp", "webhook-signature" })
            if (!headers.TryGetValue(name, out var value) || string.IsNullOrEmpty(value))
                throw new CryptographicException($"The header {name} is missing.");
        var timestamp = headers["webhook-timestamp"];
        if (!Regex.IsMatch(timestamp, @"\A[0-9]{1,12}\z"))
            throw new CryptographicException("The timestamp is not a number of seconds.");
        if (Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(timestamp)) > 300)
            throw new CryptographicException("The timestamp is more than 300 seconds off.");

        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.AsSpan(0, keyLength));
        hmac.AppendData(Encoding.UTF8.GetBytes(headers["webhook-id"] + "." + timestamp + "."));
        hmac.AppendData(body);
        var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hmac.GetHashAndReset()));
        // While a secret is being rotated the header contains two signatures; one match is enough.
        var offered = headers["webhook-signature"].Split(' ').Select(entry => Encoding.UTF8.GetBytes(entry));
        if (!offered.Any(signature => CryptographicOperations.FixedTimeEquals(expected, signature)))
            throw new CryptographicException("No signature matches.");
    }
}
