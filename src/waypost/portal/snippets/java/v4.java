// Verifies a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.
// Spring: the raw body is @RequestBody byte[] body. With @RequestHeader Map<String, String> received, headers are
// new TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER) and putAll(received). Java 17 or later.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SignatureException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class V4Signature {
    /** Returns if the webhook is genuine and recent; throws a SignatureException if not. */
    public static void verify(byte[] body, Map<String, String> headers, String secret) throws GeneralSecurityException {
        if (secret.isEmpty()) {
            throw new SignatureException("The secret is empty.");
        }
        for (String name : List.of("timestamp", "signature")) {
            if (headers.getOrDefault(name, "").isEmpty()) {
                throw new SignatureException("The header " + name + " is missing.");
            }
        }
        String timestamp = headers.get("timestamp");
        if (!timestamp.matches("[0-9]{1,12}")) {
            throw new SignatureException("The timestamp is not a number of seconds.");
        }
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
            throw new SignatureException("The timestamp is more than 300 seconds off.");
        }

        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(UTF_8), "HmacSHA256"));
        String expected = HexFormat.of().formatHex(mac.doFinal(timestamp.getBytes(UTF_8)));
        if (!MessageDigest.isEqual(expected.getBytes(UTF_8), headers.get("signature").getBytes(UTF_8))) {
            throw new SignatureException("The signature does not match.");
        }
    }
}
