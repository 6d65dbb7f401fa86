// The driver of the C# snippets: dotnet Driver.dll <class>

using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text.Json;

public static class Driver
{
    public static void Main(string[] arguments)
    {
        Action<byte[], IReadOnlyDictionary<string, string>, string> verify;
        switch (arguments[0])
        {
            case "StandardSignature": verify = StandardSignature.Verify; break;
            case "V4Signature": verify = V4Signature.Verify; break;
            case "V3Signature": verify = V3Signature.Verify; break;
            case "V2Signature": verify = V2Signature.Verify; break;
            default: throw new ArgumentException(arguments[0]);
        }
        for (var line = Console.In.ReadLine(); line != null; line = Console.In.ReadLine())
        {
            using var given = JsonDocument.Parse(line);
            var headers = new Dictionary<string, string>();
            foreach (var header in given.RootElement.GetProperty("headers").EnumerateObject())
                headers[header.Name] = header.Value.ToString();
            var body = given.RootElement.GetProperty("body_base64").GetBytesFromBase64();
            try
            {
                verify(body, headers, given.RootElement.GetProperty("key").ToString());
                Console.WriteLine("ok");
            }
            catch (CryptographicException refusal) when (refusal.GetType() == typeof(CryptographicException))
            {
                Console.WriteLine("refused: " + refusal.Message);
            }
        }
    }
}
