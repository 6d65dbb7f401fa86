// Verifies a webhook by TrackingMore's V3 signature. It covers the time only: the standard one covers the body too.
// Spring: the raw body is @RequestBody byte[] body. V3 signs inside the body; headers is not used:
// pass @RequestHeader Map<String, String> headers. Java 17 or later.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SignatureException;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class V3Signature {
    private static final Pattern TOKEN = Pattern.compile(
            "(?s)\\G\\s*+(\"(?:[^\"\\\\]|\\\\.)*+\"|\\{\\s*+}|\\[\\s*+]|[{}\\[\\]:,]"
            + "|-?[0-9]++(?:[.][0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|null)");

    /** Returns if the webhook is genuine and recent; throws a SignatureException if not. The key is the e-mail. */
    public static void verify(byte[] body, Map<String, String> headers, String email) throws GeneralSecurityException {
        if (email.isEmpty()) {
            throw new SignatureException("The e-mail address is empty.");
        }
        String json = new String(body, UTF_8).strip();
        Matcher tokens = TOKEN.matcher(json);
        if (!(read(tokens, 0) instanceof Map<?, ?> document && tokens.end() == json.length()
                && document.get("\"verify\"") instanceof Map<?, ?> fields
                && fields.get("\"timestamp\"") instanceof String sent
                && fields.get("\"signature\"") instanceof String signature)) {
            throw new SignatureException("The body is not JSON with verify.timestamp and verify.signature.");
        }
        String timestamp = sent.replace("\"", "");
        if (!timestamp.matches("[0-9]{1,12}")) {
            throw new SignatureException("The timestamp is not a number of seconds.");
        }
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
            throw new SignatureException("The timestamp is more than 300 seconds off.");
        }

        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(email.getBytes(UTF_8), "HmacSHA256"));
        String expected = '"' + HexFormat.of().formatHex(mac.doFinal(timestamp.getBytes(UTF_8))) + '"';
        if (!MessageDigest.isEqual(expected.getBytes(UTF_8), signature.getBytes(UTF_8))) {
            throw new SignatureException("The signature does not match.");
        }
    }

    // The JDK has no JSON reader. Here an object becomes a Map, anything else stays text, null means invalid JSON.
    // If you have Jackson, use new ObjectMapper().readTree(body).path("verify") instead.
    private static Object read(Matcher tokens, int depth) {
        String token = next(tokens);
        if (!token.equals("{") && !token.equals("[")) {
            return token.isEmpty() || "}],:".contains(token) ? null : token;
        }
        boolean isObject = token.equals("{");
        Map<String, Object> members = new HashMap<>();
        String mark = ",";
        while (mark.equals(",")) {
            String name = isObject ? next(tokens) : "";
            boolean named = !isObject || name.startsWith("\"") && next(tokens).equals(":");
            Object value = named && depth < 100 ? read(tokens, depth + 1) : null;
            if (value == null) {
                return null;
            }
            members.put(name, value);
            mark = next(tokens);
        }
        return mark.equals(isObject ? "}" : "]") ? members : null;
    }

    private static String next(Matcher tokens) {
        return tokens.find() ? tokens.group(1) : "";
    }
}
