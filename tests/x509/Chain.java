import java.io.FileInputStream;
import java.security.cert.*;
import java.util.*;

/** Whether the PKIX rules of this JDK lead from the last certificate to the first, with a list. */
class Chain {
    public static void main(String[] names) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        X509Certificate root =
            (X509Certificate) factory.generateCertificate(new FileInputStream(names[0]));
        CRL list = factory.generateCRL(new FileInputStream(names[1]));
        List<Certificate> path = new ArrayList<>();
        for (int place = names.length - 1; place > 1; place--)
            path.add(factory.generateCertificate(new FileInputStream(names[place])));
        PKIXParameters wanted = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        wanted.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(List.of(list))));
        try {
            root.verify(root.getPublicKey());
            CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(path), wanted);
            System.out.println("valid");
        } catch (Exception error) {
            System.out.println(error);
        }
    }
}
