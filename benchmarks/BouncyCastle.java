import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.SecureRandom;
import java.util.function.BooleanSupplier;
import org.bouncycastle.crypto.AsymmetricCipherKeyPair;
import org.bouncycastle.pqc.crypto.lms.LMOtsParameters;
import org.bouncycastle.pqc.crypto.lms.LMSKeyGenerationParameters;
import org.bouncycastle.pqc.crypto.lms.LMSKeyPairGenerator;
import org.bouncycastle.pqc.crypto.lms.LMSParameters;
import org.bouncycastle.pqc.crypto.lms.LMSSigner;
import org.bouncycastle.pqc.crypto.lms.LMSigParameters;

/** Answers `keygen H W` with seconds, `sign SECONDS` and `verify SECONDS` with how many per second. See outside.py. */
public class BouncyCastle {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final double WARM_UP = 0.5;
    private static final int MOST = 800; // signatures of one key; it has 1,024
    private static byte[] message;
    private static AsymmetricCipherKeyPair pair;

    public static void main(String[] arguments) throws Exception {
        message = arguments[0].getBytes("UTF-8");
        for (int w : new int[] {8, 4}) {
            rate(() -> keygen(5, w) > 0, WARM_UP, Integer.MAX_VALUE);
            keygen(10, 4);
            sign(WARM_UP);
            verify(WARM_UP);
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(answer(line.split(" ")));
        }
    }

    private static double answer(String[] words) {
        switch (words[0]) {
            case "keygen": return keygen(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
            case "sign": return sign(Double.parseDouble(words[1]));
            default: return verify(Double.parseDouble(words[1]));
        }
    }

    private static double keygen(int h, int w) {
        LMSKeyPairGenerator generator = new LMSKeyPairGenerator();
        generator.init(new LMSKeyGenerationParameters(new LMSParameters(tree(h), ots(w)), RANDOM));
        long began = System.nanoTime();
        pair = generator.generateKeyPair();
        return (System.nanoTime() - began) / 1e9;
    }

    private static double sign(double seconds) {
        LMSSigner signer = new LMSSigner();
        signer.init(true, pair.getPrivate());
        return rate(() -> signer.generateSignature(message).length > 0, seconds, MOST);
    }

    private static double verify(double seconds) {
        LMSSigner signer = new LMSSigner();
        signer.init(true, pair.getPrivate());
        byte[] signature = signer.generateSignature(message);
        LMSSigner verifier = new LMSSigner();
        verifier.init(false, pair.getPublic());
        return rate(() -> verifier.verifySignature(message, signature), seconds, Integer.MAX_VALUE);
    }

    private static double rate(BooleanSupplier call, double seconds, int most) {
        long began = System.nanoTime();
        int done = 0;
        while (done < most && System.nanoTime() - began < seconds * 1e9) {
            if (!call.getAsBoolean()) {
                throw new IllegalStateException("it failed");
            }
            done++;
        }
        return done * 1e9 / (System.nanoTime() - began);
    }

    private static LMSigParameters tree(int h) {
        switch (h) {
            case 5: return LMSigParameters.lms_sha256_n32_h5;
            case 10: return LMSigParameters.lms_sha256_n32_h10;
            default: return LMSigParameters.lms_sha256_n32_h15;
        }
    }

    private static LMOtsParameters ots(int w) {
        return w == 8 ? LMOtsParameters.sha256_n32_w8 : LMOtsParameters.sha256_n32_w4;
    }
}
