// Verifies a webhook by TrackingMore's V3 signature. It covers the time only: the standard one covers the body too.
// ASP.NET Core: var raw = new MemoryStream(); await Request.Body.CopyToAsync(raw); the raw body is raw.ToArray();
// V3 signs inside the body; headers is not used: pass an empty dictionary. .NET 6 or later.

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

public static class V3Signature
{
    /// <summary>Returns if the webhook is genuine and recent; throws a CryptographicException if not.</summary>
    public static void Verify(byte[] body, IReadOnlyDictionary<string, string> headers, string email)
    {
        if (string.IsNullOrEmpty(email))
            throw new CryptographicException("The e-mail address is empty.");

        string timestamp, signature;
        try
        {
            using var document = JsonDocument.Parse(body);
            var fields = document.RootElement.GetProperty("verify");
            timestamp = fields.GetProperty("timestamp").ToString();
            signature = fields.GetProperty("signature").ToString();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CryptographicException("The body is not JSON with verify.timestamp and verify.signature.");
        }
        if (!Regex.IsMatch(timestamp, @"\A[0-9]{1,12}\z"))
            throw new CryptographicException("The timestamp is not a number of seconds.");
        if (Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(timestamp)) > 300)
            throw new CryptographicException("The timestamp is more than 300 seconds off.");

        using var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(email));
        var digest = hmac.ComputeHash(Encoding.UTF8.GetBytes(timestamp));
        var expected = Encoding.UTF8.GetBytes(Convert.ToHexString(digest).ToLowerInvariant());
        if (!CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(signature)))
            throw new CryptographicException("The signature does not match.");
    }
}
