import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.common.schema.KeyValue;
import org.apache.pulsar.common.schema.KeyValueEncodingType;

/** Publishes what only the Java client can: keys of bytes. Arguments: URL, topic, topic of pairs. */
public class Keys {
    private static final byte[] NO_TEXT = {(byte) 0xff, 0, 1};

    public static void main(String[] arguments) throws Exception {
        PulsarClient client = PulsarClient.builder().serviceUrl(arguments[0]).build();
        try (Producer<byte[]> producer = client.newProducer().topic(arguments[1]).create()) {
            producer.newMessage().keyBytes(NO_TEXT).value("bytes".getBytes()).send();
            producer.newMessage()
                    .key("text")
                    .eventTime(1234567890123L)
                    .orderingKey("order".getBytes())
                    .value("text".getBytes())
                    .send();
        }
        var pairs = Schema.KeyValue(Schema.BYTES, Schema.BYTES, KeyValueEncodingType.SEPARATED);
        try (Producer<KeyValue<byte[], byte[]>> producer =
                client.newProducer(pairs).topic(arguments[2]).create()) {
            producer.newMessage().value(new KeyValue<>(NO_TEXT, "bytes".getBytes())).send();
            producer.newMessage().value(new KeyValue<>("kk".getBytes(), "text".getBytes())).send();
        }
        System.exit(0);
    }
}
