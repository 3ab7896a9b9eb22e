import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.MessageDigest;
import java.security.Security;
import java.util.HexFormat;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.pqc.crypto.lms.HSSPublicKeyParameters;
import org.bouncycastle.pqc.crypto.lms.HSSSigner;

/** What Bouncy Castle says of lines with a CMS message and its content. */
class BouncyCastleCms {
    public static void main(String[] none) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] parts = line.split(" ", -1);
            HexFormat hex = HexFormat.of();
            try {
                boolean good = verifies(hex.parseHex(parts[0]), hex.parseHex(parts[1]));
                System.out.println(good ? "good" : "bad");
            } catch (Exception error) {
                System.out.println("refused: " + error);
            }
        }
    }

    private static boolean verifies(byte[] message, byte[] content) throws Exception {
        // The JCA of 1.72 does not read a key of RFC 9802; HSSSigner does.
        return Security.getProvider("BC").getVersion() < 1.8 ? bySigner(message, content) : byJca(message, content);
    }

    private static boolean byJca(byte[] message, byte[] content) throws Exception {
        CMSSignedData own = new CMSSignedData(message);
        X509CertificateHolder certificate =
            (X509CertificateHolder) own.getCertificates().getMatches(null).iterator().next();
        // These lines are those of docs/how-to/cms.md.
        CMSSignedData read = new CMSSignedData(new CMSProcessableByteArray(content), message);
        SignerInformation signer = read.getSignerInfos().getSigners().iterator().next();
        boolean good = signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate));
        return good;
    }

    private static boolean bySigner(byte[] message, byte[] content) throws Exception {
        CMSSignedData read = new CMSSignedData(new CMSProcessableByteArray(content), message);
        SignerInformation by = read.getSignerInfos().getSigners().iterator().next();
        X509CertificateHolder certificate =
            (X509CertificateHolder) read.getCertificates().getMatches(by.getSID()).iterator().next();
        byte[] key = certificate.getSubjectPublicKeyInfo().getPublicKeyData().getBytes();
        HSSSigner signer = new HSSSigner();
        signer.init(false, HSSPublicKeyParameters.getInstance(key));
        byte[] signed = by.getEncodedSignedAttributes();
        return (signed == null || isOf(by, content))
            && signer.verifySignature(signed == null ? content : signed, by.getSignature());
    }

    private static boolean isOf(SignerInformation by, byte[] content) throws Exception {
        ASN1OctetString digest = (ASN1OctetString)
            by.getSignedAttributes().get(CMSAttributes.messageDigest).getAttrValues().getObjectAt(0);
        byte[] own = MessageDigest.getInstance(by.getDigestAlgOID()).digest(content);
        return MessageDigest.isEqual(digest.getOctets(), own);
    }
}
