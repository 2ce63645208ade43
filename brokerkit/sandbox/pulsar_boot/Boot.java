import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksIterator;

/**
 * Starts Pulsar standalone after removing what a killed server left of its session.
 *
 * The metadata in RocksDB has no sessions, so that after SIGKILL the bookie is still registered. Its new
 * registration and the late notice of the old one's removal can chase each other for ever (apache/pulsar
 * issue 17759), and then no topic is loaded.
 *
 * Arguments: the folder of the metadata, then those of Pulsar standalone.
 */
public class Boot {
    private static final String BOOKIES = "/ledgers/available/";

    public static void main(String[] arguments) throws Exception {
        if (new File(arguments[0], "CURRENT").exists()) {
            removeStaleBookies(arguments[0]);
        }
        Class.forName("org.apache.pulsar.PulsarStandaloneStarter")
            .getMethod("main", String[].class)
            .invoke(null, (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    private static void removeStaleBookies(String folder) throws Exception {
        RocksDB.loadLibrary();
        try (Options options = new Options(); RocksDB metadata = RocksDB.open(options, folder)) {
            List<byte[]> stale = new ArrayList<>();
            try (RocksIterator each = metadata.newIterator()) {
                for (each.seek(BOOKIES.getBytes(StandardCharsets.UTF_8)); each.isValid(); each.next()) {
                    String key = new String(each.key(), StandardCharsets.UTF_8);
                    if (!key.startsWith(BOOKIES)) {
                        break;
                    }
                    if (key.indexOf(':') > 0) {
                        stale.add(each.key());
                    }
                }
            }
            for (byte[] key : stale) {
                metadata.delete(key);
            }
        }
    }
}
