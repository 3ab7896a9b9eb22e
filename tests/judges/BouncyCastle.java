import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.KeyFactory;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;
import org.bouncycastle.crypto.AsymmetricCipherKeyPair;
import org.bouncycastle.pqc.crypto.MessageSigner;
import org.bouncycastle.pqc.crypto.lms.*;
import org.bouncycastle.pqc.crypto.util.PrivateKeyInfoFactory;
import org.bouncycastle.pqc.crypto.util.SubjectPublicKeyInfoFactory;
import org.bouncycastle.pqc.jcajce.provider.BouncyCastlePQCProvider;

/**
 * What Bouncy Castle says of lines with a form, a key, a signature and a message. The line
 * "make FORM MESSAGE" makes a key there: key, signature, SubjectPublicKeyInfo and PKCS#8.
 */
class BouncyCastle {
    private static final HexFormat HEX = HexFormat.of();
    private static final LMSParameters SMALL =
        new LMSParameters(LMSigParameters.lms_sha256_n32_h5, LMOtsParameters.sha256_n32_w8);

    public static void main(String[] none) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] parts = line.split(" ", -1);
            System.out.println(parts[0].equals("make") ? made(parts) : verdict(parts));
        }
    }

    private static String verdict(String[] parts) {
        try {
            byte[] key = HEX.parseHex(parts[1]), signature = HEX.parseHex(parts[2]);
            return verifies(parts[0], key, signature, HEX.parseHex(parts[3])) ? "good" : "bad";
        } catch (Exception error) {
            return "refused: " + error;
        }
    }

    private static boolean verifies(String form, byte[] key, byte[] signature, byte[] message)
            throws Exception {
        if (form.equals("der-8708")) {
            BouncyCastlePQCProvider provider = new BouncyCastlePQCProvider();
            Signature by = Signature.getInstance("LMS", provider);
            by.initVerify(KeyFactory.getInstance("LMS", provider).generatePublic(new X509EncodedKeySpec(key)));
            by.update(message);
            return by.verify(signature);
        }
        boolean plain = form.equals("lms");
        MessageSigner by = plain ? new LMSSigner() : new HSSSigner();
        by.init(false, plain ? LMSPublicKeyParameters.getInstance(key) : HSSPublicKeyParameters.getInstance(key));
        return by.verifySignature(message, signature);
    }

    private static String made(String[] parts) throws Exception {
        AsymmetricCipherKeyPair pair = parts[1].equals("lms") ? plain() : levels();
        LMSKeyParameters key = (LMSKeyParameters) pair.getPublic();
        MessageSigner by = parts[1].equals("lms") ? new LMSSigner() : new HSSSigner();
        by.init(true, pair.getPrivate());
        return String.join(" ",
            HEX.formatHex(key.getEncoded()),
            HEX.formatHex(by.generateSignature(HEX.parseHex(parts[2]))),
            HEX.formatHex(SubjectPublicKeyInfoFactory.createSubjectPublicKeyInfo(key).getEncoded()),
            HEX.formatHex(PrivateKeyInfoFactory.createPrivateKeyInfo(pair.getPrivate()).getEncoded()));
    }

    private static AsymmetricCipherKeyPair plain() {
        LMSKeyPairGenerator by = new LMSKeyPairGenerator();
        by.init(new LMSKeyGenerationParameters(SMALL, new SecureRandom()));
        return by.generateKeyPair();
    }

    private static AsymmetricCipherKeyPair levels() {
        HSSKeyPairGenerator by = new HSSKeyPairGenerator();
        LMSParameters[] two = {SMALL, SMALL};
        by.init(new HSSKeyGenerationParameters(two, new SecureRandom()));
        return by.generateKeyPair();
    }
}
