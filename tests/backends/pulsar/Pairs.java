import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.common.schema.KeyValue;
import org.apache.pulsar.common.schema.KeyValueEncodingType;

/** Publishes messages of several schemas to one topic. Arguments: URL, topic, then (kind, key, value) triples. */
public class Pairs {
    public static class Value {
        public int number;
    }

    public static void main(String[] arguments) throws Exception {
        PulsarClient client = PulsarClient.builder().serviceUrl(arguments[0]).build();
        for (int i = 2; i < arguments.length; i += 3) {
            String kind = arguments[i], key = arguments[i + 1], value = arguments[i + 2];
            if (kind.equals("text")) {
                try (Producer<String> producer = client.newProducer(Schema.STRING).topic(arguments[1]).create()) {
                    producer.newMessage().key(key).value(value).send();
                }
            } else if (kind.equals("INLINE")) {
                // of pairs of primitive types, the brokers store one schema only
                var pairs = Schema.KeyValue(Schema.STRING, Schema.JSON(Value.class), KeyValueEncodingType.INLINE);
                try (Producer<KeyValue<String, Value>> producer =
                        client.newProducer(pairs).topic(arguments[1]).create()) {
                    producer.newMessage().value(new KeyValue<>(key, new Value())).send();
                }
            } else {
                var pairs = Schema.KeyValue(Schema.STRING, Schema.STRING, KeyValueEncodingType.valueOf(kind));
                try (Producer<KeyValue<String, String>> producer =
                        client.newProducer(pairs).topic(arguments[1]).create()) {
                    producer.newMessage().value(new KeyValue<>(key, value)).send();
                }
            }
        }
        System.exit(0);
    }
}
