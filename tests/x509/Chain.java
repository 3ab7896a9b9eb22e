import java.io.*;
import java.security.cert.*;
import java.util.*;

/** Whether the PKIX rules of this JDK lead from the last certificate of a line to the first, with the lists that are second. */
class Chain {
    public static void main(String[] none) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            System.out.println(verdict(line.split(" ")));
        }
    }

    private static String verdict(String[] parts) {
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            X509Certificate root = (X509Certificate) factory.generateCertificate(bytes(parts[0]));
            List<CRL> lists = new ArrayList<>();
            for (String part : parts[1].split(",")) lists.add(factory.generateCRL(bytes(part)));
            List<Certificate> path = new ArrayList<>();
            for (int place = parts.length - 1; place > 1; place--)
                path.add(factory.generateCertificate(bytes(parts[place])));
            PKIXParameters wanted = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
            wanted.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
            root.verify(root.getPublicKey());
            CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(path), wanted);
            return "valid";
        } catch (Exception error) {
            return error.toString().replace('\n', ' ');
        }
    }

    private static InputStream bytes(String part) {
        return new ByteArrayInputStream(HexFormat.of().parseHex(part));
    }
}
