// The driver of the Java snippets: java Driver <class>

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.security.SignatureException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public final class Driver {
    private static final Pattern TEXT = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*+)\"");
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:u([0-9a-f]{4})|(.))");

    public static void main(String[] arguments) throws Throwable {
        Method verify = Class.forName(arguments[0]).getMethod("verify", byte[].class, Map.class, String.class);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            // In the order in which the test writes them: "body_base64", body, "headers", names and values, "key", key.
            List<String> texts = texts(line);
            int last = texts.size() - 1;
            Map<String, String> headers = new HashMap<>();
            for (int at = 3; at < last - 1; at += 2) {
                headers.put(texts.get(at), texts.get(at + 1));
            }
            try {
                verify.invoke(null, Base64.getDecoder().decode(texts.get(1)), headers, texts.get(last));
                System.out.println("ok");
            } catch (InvocationTargetException thrown) {
                if (thrown.getCause().getClass() != SignatureException.class) {
                    throw thrown.getCause();
                }
                System.out.println("refused: " + thrown.getCause().getMessage());
            }
        }
    }

    private static List<String> texts(String line) {
        List<String> texts = new ArrayList<>();
        for (Matcher text = TEXT.matcher(line); text.find();) {
            Matcher escapes = ESCAPE.matcher(text.group(1));
            texts.add(escapes.replaceAll(one -> Matcher.quoteReplacement(unescaped(one.group(1), one.group(2)))));
        }
        return texts;
    }

    private static String unescaped(String code, String letter) {
        if (code != null) {
            return String.valueOf((char) Integer.parseInt(code, 16));
        }
        int at = "nrtbf".indexOf(letter);
        return at < 0 ? letter : "\n\r\t\b\f".substring(at, at + 1);
    }
}
