import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * What the JDK says of JAR files, and of messages, each named as MESSAGE:CONTENT: a line for each.
 * Its reader of messages is not public, hence the reflection.
 */
public class Verify {
    public static void main(String[] names) throws Exception {
        for (String name : names) {
            String[] parts = name.split(":");
            System.out.println(parts.length == 1 ? jar(name) : message(parts[0], parts[1]));
        }
    }

    private static String jar(String name) {
        int signed = 0, unsigned = 0, signers = 0;
        try (JarFile jar = new JarFile(new File(name), true)) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                try (InputStream content = jar.getInputStream(entry)) {
                    content.readAllBytes();
                }
                if (entry.getCodeSigners() != null) {
                    signed++;
                    signers = Math.max(signers, entry.getCodeSigners().length);
                } else if (!entry.isDirectory()) {
                    unsigned++;
                }
            }
        } catch (SecurityException | IOException error) {
            return error.getClass().getSimpleName() + ": " + error.getMessage();
        }
        return signed + " signed, " + unsigned + " not, by " + signers;
    }

    private static String message(String name, String content) throws Exception {
        Class<?> form = Class.forName("sun.security.pkcs.PKCS7");
        Class<?> signer = Class.forName("sun.security.pkcs.SignerInfo");
        try {
            Object read = form.getConstructor(byte[].class).newInstance(bytes(name));
            Object first = ((Object[]) form.getMethod("getSignerInfos").invoke(read))[0];
            Object by = form.getMethod("verify", signer, byte[].class).invoke(read, first, bytes(content));
            return by == null ? "not verified" : "verified";
        } catch (InvocationTargetException error) {
            return error.getCause().getClass().getSimpleName() + ": " + error.getCause().getMessage();
        }
    }

    private static byte[] bytes(String name) throws IOException {
        return Files.readAllBytes(Path.of(name));
    }
}
