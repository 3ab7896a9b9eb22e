import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/** What java.util.jar says of JAR files: a line for each. */
public class Verify {
    public static void main(String[] names) {
        for (String name : names) {
            System.out.println(verdict(name));
        }
    }

    private static String verdict(String name) {
        int signed = 0, unsigned = 0;
        try (JarFile jar = new JarFile(new File(name), true)) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                try (InputStream content = jar.getInputStream(entry)) {
                    content.readAllBytes();
                }
                if (entry.getCodeSigners() != null) {
                    signed++;
                } else if (!entry.isDirectory()) {
                    unsigned++;
                }
            }
        } catch (SecurityException | IOException error) {
            return error.getClass().getSimpleName() + ": " + error.getMessage();
        }
        return signed + " signed, " + unsigned + " not";
    }
}
