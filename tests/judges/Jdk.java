import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;

/**
 * What the JDK's own "HSS/LMS" says of lines with a form, a key, a signature and a message; where
 * the form is "ML-DSA", what its "ML-DSA" says.
 */
class Jdk {
    public static void main(String[] none) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            System.out.println(verdict(line.split(" ", -1)));
        }
    }

    private static String verdict(String[] parts) {
        try {
            HexFormat hex = HexFormat.of();
            String algorithm = parts[0].equals("ML-DSA") ? "ML-DSA" : "HSS/LMS";
            KeyFactory factory = KeyFactory.getInstance(algorithm);
            PublicKey key = factory.generatePublic(new X509EncodedKeySpec(hex.parseHex(parts[1])));
            Signature by = Signature.getInstance(algorithm);
            by.initVerify(key);
            by.update(hex.parseHex(parts[3]));
            return by.verify(hex.parseHex(parts[2])) ? "good" : "bad";
        } catch (Exception error) {
            return "refused: " + error;
        }
    }
}
