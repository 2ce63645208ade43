// Prints the bytes and headers that Apicurio's own serializers write, one JSON object in a line: avro and protobuf,
// values and keys, ids in headers and in front of the payload; and a single object by Avro's own library.  usage: ApicurioGold REGISTRY_URL (.../apis/registry/v2)
import com.google.protobuf.DescriptorProtos.*;
import com.google.protobuf.Descriptors.*;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaSerializer;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serializer;

public class ApicurioGold {
  static final String OFF = "apicurio.registry.headers.enabled=false";
  static final String LEGACY = "apicurio.registry.id-handler=io.apicurio.registry.serde.Legacy4ByteIdHandler";
  static final String CONTENT = "apicurio.registry.use-id=contentId";

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  static <T> void write(String url, String kind, Serializer<T> serializer, String topic, T value, boolean key, String... options) {
    Map<String, Object> config = new HashMap<>(Map.of("apicurio.registry.url", url, "apicurio.registry.auto-register", true));
    for (String each : options) config.put(each.split("=")[0], each.split("=")[1]);
    serializer.configure(config, key);
    RecordHeaders headers = new RecordHeaders();
    byte[] payload = serializer.serialize(topic, headers, value);
    StringJoiner shown = new StringJoiner(", ", "{", "}");
    for (var each : headers) shown.add("\"" + each.key() + "\": \"" + hex(each.value()) + "\"");
    StringJoiner given = new StringJoiner("\", \"", "[\"", "\"]").setEmptyValue("[]");
    for (String each : options) given.add(each);
    System.out.println("{\"kind\": \"" + kind + "\", \"topic\": \"" + topic + "\", \"part\": \"" + (key ? "key" : "value")
        + "\", \"options\": " + given + ", \"payload\": \"" + hex(payload) + "\", \"attributes\": " + shown + "}");
  }

  public static void main(String[] arguments) throws Exception {
    String url = arguments[0];
    Schema schema = new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"g\",\"fields\":["
        + "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"n\",\"type\":[\"null\",\"string\"],\"default\":null}]}");
    GenericRecord record = new GenericData.Record(schema);
    record.put("id", 7L);
    record.put("n", "x");
    String[][] all = {{}, {CONTENT}, {OFF}, {OFF, CONTENT}, {OFF, LEGACY}, {OFF, LEGACY, CONTENT}, {"apicurio.registry.avro.encoding=JSON"}};
    for (boolean key : new boolean[] {false, true})
      for (String[] options : all) write(url, "avro", new AvroKafkaSerializer<GenericRecord>(), "framed-avro", record, key, options);

    ByteBuffer encoded = new BinaryMessageEncoder<GenericRecord>(GenericData.get(), schema).encode(record);
    byte[] single = new byte[encoded.remaining()];
    encoded.get(single);
    System.out.println("{\"kind\": \"avro single object\", \"topic\": \"t\", \"part\": \"value\", \"options\": [], \"payload\": \""
        + hex(single) + "\", \"attributes\": {}, \"schema\": " + schema + "}");

    DescriptorProto order = DescriptorProto.newBuilder().setName("Order").addField(field("id", FieldDescriptorProto.Type.TYPE_INT64)).build();
    FileDescriptorProto file = FileDescriptorProto.newBuilder().setName("gold.proto").setPackage("g").setSyntax("proto3")
        .addMessageType(DescriptorProto.newBuilder().setName("Ignored")).addMessageType(order).build();
    FileDescriptor built = FileDescriptor.buildFrom(file, new FileDescriptor[] {});
    Descriptor outer = built.findMessageTypeByName("Order");
    Message value = DynamicMessage.newBuilder(outer).setField(outer.findFieldByName("id"), 7L).build();
    for (boolean key : new boolean[] {false, true})
      for (String[] options : new String[][] {{}, {OFF}, {OFF, LEGACY, CONTENT}}) 
        write(url, "protobuf", new ProtobufKafkaSerializer<Message>(), "framed-protobuf", value, key, options);
    System.exit(0);
  }

  static FieldDescriptorProto field(String name, FieldDescriptorProto.Type type) {
    return FieldDescriptorProto.newBuilder().setName(name).setNumber(1).setType(type).setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL).build();
  }
}
