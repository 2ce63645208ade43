import com.google.protobuf.Timestamp;
import com.google.protobuf.Value;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.common.schema.KeyValue;
import org.apache.pulsar.common.schema.KeyValueEncodingType;

/** Publishes values of every schema, each to its own topic. Arguments: URL, namespace. */
public class Schemas {
    public static class Line {
        public String book;
        public double price;
    }

    public static class Order {
        public long id;
        public String note;
        public List<Line> lines;
        public Map<String, Integer> counts;
    }

    private static String namespace;
    private static PulsarClient client;

    private static Order order(long id) {
        Line line = new Line();
        line.book = "Ulysses";
        line.price = 12.5;
        Order order = new Order();
        order.id = id;
        order.note = id % 2 == 0 ? null : "größe";
        order.lines = List.of(line);
        order.counts = Map.of("a", 1);
        return order;
    }

    @SafeVarargs
    private static <T> void send(String topic, Schema<T> schema, T... values) throws Exception {
        try (Producer<T> producer = client.newProducer(schema).topic(namespace + "/" + topic).create()) {
            for (T value : values) producer.newMessage().value(value).property("by", "java").send();
        }
    }

    private static <K, V> void pairs(String topic, Schema<K> keys, Schema<V> values, List<KeyValue<K, V>> all)
            throws Exception {
        for (var encoding : KeyValueEncodingType.values()) {
            var schema = Schema.KeyValue(keys, values, encoding);
            var name = namespace + "/" + topic + "-" + encoding.toString().toLowerCase();
            try (Producer<KeyValue<K, V>> producer = client.newProducer(schema).topic(name).create()) {
                for (var each : all) producer.newMessage().value(each).send();
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        namespace = arguments[1];
        client = PulsarClient.builder().serviceUrl(arguments[0]).build();
        send("avro", Schema.AVRO(Order.class), order(7), order(9007199254740993L), null);
        send("json", Schema.JSON(Order.class), order(7), order(9007199254740993L));
        var moment = Timestamp.newBuilder().setSeconds(1700000000L).setNanos(5).build();
        send("protobuf", Schema.PROTOBUF(Timestamp.class), moment);
        send("protobuf-native", Schema.PROTOBUF_NATIVE(Timestamp.class), moment);
        send("protobuf-nested", Schema.PROTOBUF_NATIVE(Value.class), Value.newBuilder().setNumberValue(1.5).build());
        send("bool", Schema.BOOL, true, false);
        send("int8", Schema.INT8, (byte) 5, (byte) -128);
        send("int16", Schema.INT16, (short) 5, Short.MIN_VALUE);
        send("int32", Schema.INT32, 5, Integer.MIN_VALUE, 0x41424344);
        send("int64", Schema.INT64, 5L, Long.MIN_VALUE, 0x4142434445464748L);
        send("float", Schema.FLOAT, 0.1f, Float.NaN, Float.NEGATIVE_INFINITY);
        send("double", Schema.DOUBLE, 0.1, Double.NaN, 1e300);
        send("string", Schema.STRING, "größe", "", "7", "{\"a\": 1}", "a\0b");
        send("bytes", Schema.BYTES, new byte[] {0, 1}, "text".getBytes());
        send("date", Schema.DATE, new Date(1700000000123L), new Date(-1L));
        send("time", Schema.TIME, new java.sql.Time(45296789L));
        send("timestamp", Schema.TIMESTAMP, new java.sql.Timestamp(1700000000123L), new java.sql.Timestamp(-1L));
        send("instant", Schema.INSTANT, Instant.ofEpochSecond(1700000000L, 123456789), Instant.ofEpochSecond(-1, 1));
        send("local-date", Schema.LOCAL_DATE, LocalDate.of(2026, 2, 28), LocalDate.of(1900, 1, 1));
        send("local-time", Schema.LOCAL_TIME, LocalTime.of(12, 34, 56, 7), LocalTime.MIDNIGHT);
        send("local-date-time", Schema.LOCAL_DATE_TIME, LocalDateTime.of(2026, 2, 28, 12, 34, 56, 7));
        pairs("pair-avro", Schema.AVRO(Line.class), Schema.AVRO(Order.class),
                Arrays.asList(new KeyValue<>(order(1).lines.get(0), order(7)), new KeyValue<>(order(1).lines.get(0), null)));
        pairs("pair-plain", Schema.STRING, Schema.INT64,
                Arrays.asList(new KeyValue<>("abcd", 1L), new KeyValue<>("größe", -2L)));
        pairs("pair-json", Schema.INT32, Schema.JSON(Line.class),
                Arrays.asList(new KeyValue<>(5, order(1).lines.get(0)), new KeyValue<>(-1, order(1).lines.get(0))));
        System.exit(0);
    }
}
