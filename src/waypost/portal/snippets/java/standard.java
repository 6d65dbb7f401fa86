// Verifies a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.
// Spring: the raw body is @RequestBody byte[] body. With @RequestHeader Map<String, String> received, headers are
// new TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER) and putAll(received). Java 17 or later.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SignatureException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class StandardSignature {
    /** Returns if the webhook is genuine and recent; throws a SignatureException if not. */
    public static void verify(byte[] body, Map<String, String> headers, String secret) throws GeneralSecurityException {
        byte[] key;
        try {
            key = Base64.getDecoder().decode(secret.startsWith("whsec_") ? secret.substring("whsec_".length()) : "");
        } catch (IllegalArgumentException notBase64) {
            key = new byte[0];
        }
        if (key.length == 0) {
            throw new SignatureException("The secret is not whsec_ followed by base64.");
        }

        for (String name : List.of("webhook-id", "webhook-timestamp", "webhook-signature")) {
            if (headers.getOrDefault(name, "").isEmpty()) {
                throw new SignatureException("The header " + name + " is missing.");
            }
        }
        String timestamp = headers.get("webhook-timestamp");
        if (!timestamp.matches("[0-9]{1,12}")) {
            throw new SignatureException("The timestamp is not a number of seconds.");
        }
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
            throw new SignatureException("The timestamp is more than 300 seconds off.");
        }

        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((headers.get("webhook-id") + "." + timestamp + ".").getBytes(UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
        // While a secret is being rotated the header contains two signatures; one match is enough.
        for (String signature : headers.get("webhook-signature").split(" ")) {
            if (MessageDigest.isEqual(expected, signature.getBytes(UTF_8))) {
                return;
            }
        }
        throw new SignatureException("No signature matches.");
    }
}
