// SPDX-License-Identifier: Apache-2.0
// Prints test vectors made by Apache Kafka's own classes: for every generated message class of six of its modules, at
// every version, lines NAME<TAB>VERSION<TAB>HEX<TAB>JSON. Which fields a version has is read
// from the class's own SCHEMAS; what stands in them is default, null or empty, extreme, or random from the seed.
//
//     integration/java/message-vectors SEED ROUNDS [unknown-tags] > vectors.tsv
//
// With unknown-tags every struct also carries tagged fields that no spec knows; JSON does not show those.
// A field of records is a string of arbitrary bytes, in JSON base64 (Kafka's converters leave it out).

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.jar.JarFile;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

public final class MessageVectors {
    private static final String MODULES =
        "kafka-(clients|group-coordinator|transaction-coordinator|metadata|raft|share-coordinator)-[0-9].*\\.jar";

    private enum Style { DEFAULT, BARE, EXTREME, RANDOM }

    private final Random random;
    private final boolean unknownTags;

    private MessageVectors(long seed, boolean unknownTags) {
        this.random = new Random(seed);
        this.unknownTags = unknownTags;
    }

    public static void main(String[] args) throws Exception {
        long seed = Long.parseLong(args[0]);
        int rounds = Integer.parseInt(args[1]);
        boolean unknownTags = args.length > 2 && args[2].equals("unknown-tags");
        PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, "UTF-8");
        for (Map.Entry<String, String> entry : messageClasses().entrySet()) {
            // A seed of its own per message, so that a new message does not change the vectors of others.
            MessageVectors vectors = new MessageVectors(seed * 31 + entry.getKey().hashCode(), unknownTags);
            vectors.print(out, entry.getKey(), Class.forName(entry.getValue()), rounds);
        }
        out.flush();
    }

    // Message name -> class name, from the jars on the class path.
    private static Map<String, String> messageClasses() throws Exception {
        Map<String, String> classes = new TreeMap<>();
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!new File(path).getName().matches(MODULES)) continue;
            try (JarFile jar = new JarFile(path)) {
                jar.stream().map(e -> e.getName()).filter(n -> n.endsWith("JsonConverter.class") && !n.contains("$")).forEach(n -> {
                    String name = n.substring(0, n.length() - "JsonConverter.class".length()).replace('/', '.');
                    String message = name.substring(name.lastIndexOf('.') + 1);
                    if (message.matches(".*(Request|Response|Header)Data")) message = message.substring(0, message.length() - 4);
                    classes.put(message, name);
                });
            }
        }
        return classes;
    }

    private void print(PrintStream out, String name, Class<?> type, int rounds) throws Exception {
        short first = type.getField("LOWEST_SUPPORTED_VERSION").getShort(null);
        short last = type.getField("HIGHEST_SUPPORTED_VERSION").getShort(null);
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        Method toJson = Class.forName(type.getName() + "JsonConverter").getMethod("write", type, short.class);
        for (short version = first; version <= last; ++version) {
            for (int round = 0; round < rounds; ++round) {
                Style style = round < 3 ? Style.values()[round] : Style.RANDOM;
                Message message = (Message) type.getConstructor().newInstance();
                fill(message, schemas[version], style, 0);
                ByteBuffer bytes;
                try {
                    ObjectSerializationCache cache = new ObjectSerializationCache();
                    bytes = ByteBuffer.allocate(message.size(cache, version));
                    message.write(new ByteBufferAccessor(bytes), cache, version);
                } catch (NullPointerException e) {
                    if (style != Style.DEFAULT) throw e;
                    continue;  // records that are null by default, where no null may be
                }
                JsonNode json = (JsonNode) toJson.invoke(null, message, version);
                showRecords(json, message);
                out.println(name + "\t" + version + "\t" + hex(bytes.array()) + "\t" + json);
            }
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) text.append(String.format("%02x", b));
        return text.toString();
    }

    private void fill(Object struct, Schema schema, Style style, int depth) throws Exception {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                for (var tagged : ((TaggedFields) bound.def.type).fields().values()) {
                    boolean set = style == Style.EXTREME || (style == Style.RANDOM && random.nextBoolean());
                    if (set) set(struct, tagged.name, tagged.type, style, depth);
                }
                if (unknownTags) addUnknownTags(struct);
            } else if (style != Style.DEFAULT) {
                set(struct, bound.def.name, bound.def.type, style, depth);
            }
        }
    }

    @SuppressWarnings("unchecked")
    private void addUnknownTags(Object struct) throws Exception {
        Method getter = struct.getClass().getMethod("unknownTaggedFields");
        List<RawTaggedField> fields = (List<RawTaggedField>) getter.invoke(struct);
        int tag = 100;
        for (int i = random.nextInt(3); i > 0; --i) {
            tag += 1 + random.nextInt(20000);
            fields.add(new RawTaggedField(tag, randomBytes(random.nextInt(random.nextInt(20) == 0 ? 300 : 12))));
        }
    }

    private void set(Object struct, String snake, Type type, Style style, int depth) throws Exception {
        Field field = field(struct.getClass(), snake);
        field.setAccessible(true);
        boolean none = type.isNullable() && (style == Style.BARE || (style == Style.RANDOM && random.nextInt(3) == 0));
        field.set(struct, none ? null : value(field, struct, type, style, depth));
    }

    private static Field field(Class<?> type, String snake) {
        String wanted = snake.replace("_", "");
        for (Field field : type.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && field.getName().toLowerCase(Locale.ROOT).equals(wanted)) return field;
        }
        throw new IllegalStateException(type + " has no field " + snake);
    }

    private Object value(Field field, Object struct, Type type, Style style, int depth) throws Exception {
        Class<?> java = field.getType();
        if (Collection.class.isAssignableFrom(java)) {
            Type element = type.arrayElementType().get();
            Collection<Object> items = newCollection(java);
            Class<?> elementClass = elementClass(field);
            int count = style == Style.BARE ? 0 : style == Style.EXTREME ? 1 : random.nextInt(depth == 0 ? 4 : 3);
            for (int i = 0; i < count; ++i) items.add(scalarOrStruct(elementClass, element, style, depth + 1));
            return items;
        }
        return scalarOrStruct(java, type, style, depth + 1);
    }

    @SuppressWarnings("unchecked")
    private static Collection<Object> newCollection(Class<?> java) throws Exception {
        if (java == List.class) return new ArrayList<>();
        return (Collection<Object>) java.getConstructor().newInstance();
    }

    private static Class<?> elementClass(Field field) {
        java.lang.reflect.Type generic = field.getGenericType();
        if (!(generic instanceof ParameterizedType)) generic = field.getType().getGenericSuperclass();
        return (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
    }

    private Object scalarOrStruct(Class<?> java, Type type, Style style, int depth) throws Exception {
        boolean bare = style == Style.BARE, high = style == Style.EXTREME && random.nextBoolean(), extreme = style == Style.EXTREME;
        if (java == boolean.class || java == Boolean.class) return !bare && (extreme || random.nextBoolean());
        if (java == byte.class || java == Byte.class) return (byte) (bare ? 0 : extreme ? (high ? 127 : -128) : random.nextInt());
        if (java == short.class || java == Short.class) return (short) (bare ? 0 : extreme ? (high ? 32767 : -32768) : random.nextInt());
        if (java == int.class || java == Integer.class) {
            if (type == Type.UINT16) return bare ? 0 : extreme ? 65535 : random.nextInt(65536);
            return bare ? 0 : extreme ? (high ? Integer.MAX_VALUE : Integer.MIN_VALUE) : random.nextInt();
        }
        if (java == long.class || java == Long.class) {
            if (type == Type.UNSIGNED_INT32) return bare ? 0L : extreme ? 0xffffffffL : random.nextLong() & 0xffffffffL;
            return bare ? 0L : extreme ? (high ? Long.MAX_VALUE : Long.MIN_VALUE) : random.nextLong();
        }
        if (java == double.class || java == Double.class) return bare ? 0.0 : extreme ? (high ? 1.5e300 : -2.5e-7) : (random.nextInt(2000000) - 1000000) / 64.0;
        if (java == Uuid.class) return bare ? Uuid.ZERO_UUID : new Uuid(random.nextLong(), random.nextLong());
        if (java == String.class) return bare ? "" : text(extreme ? 140 : random.nextInt(10));
        if (java == byte[].class) return randomBytes(bare ? 0 : extreme ? 130 : random.nextInt(12));
        if (java == ByteBuffer.class) return ByteBuffer.wrap(randomBytes(bare ? 0 : random.nextInt(12)));
        if (java == BaseRecords.class) return MemoryRecords.readableRecords(ByteBuffer.wrap(randomBytes(bare ? 0 : random.nextInt(60))));
        Object struct = java.getConstructor().newInstance();
        fill(struct, (Schema) type, style, depth);
        return struct;
    }

    private byte[] randomBytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    // Letters mostly; now and then what JSON escapes and what takes 2, 3 and 4 bytes of UTF-8.
    private String text(int length) {
        int[] odd = {'"', '\\', '/', '\b', '\f', '\n', '\r', '\t', 0, 0x1f, 0x7f, 0xe9, 0x2028, 0x20ac, 0xfffd, 0x1f600};
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; ++i) {
            text.appendCodePoint(random.nextInt(8) == 0 ? odd[random.nextInt(odd.length)] : 'a' + random.nextInt(26));
        }
        return text.toString();
    }

    // Puts the bytes of records fields into the JSON, as base64, under the field's own name.
    private static void showRecords(JsonNode json, Object struct) throws Exception {
        if (!(json instanceof ObjectNode)) return;
        for (Field field : struct.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers())) continue;
            field.setAccessible(true);
            Object value = field.get(struct);
            ObjectNode object = (ObjectNode) json;
            String name = field.getName();
            if (field.getType() == BaseRecords.class) {
                if (value == null) continue;
                ByteBuffer bytes = ((MemoryRecords) value).buffer().duplicate();
                byte[] copy = new byte[bytes.remaining()];
                bytes.get(copy);
                // Rebuilt, so that the field keeps its place.
                Map<String, JsonNode> entries = new java.util.LinkedHashMap<>();
                object.properties().forEach(e -> entries.put(e.getKey().equals(name + "SizeInBytes") ? name : e.getKey(), e.getValue()));
                entries.put(name, new BinaryNode(copy));
                object.removeAll();
                entries.forEach(object::set);
            } else if (value instanceof Collection && object.get(name) instanceof ArrayNode) {
                int i = 0;
                for (Object item : (Collection<?>) value) showRecords(object.get(name).get(i++), item);
            } else if (value != null && object.get(name) instanceof ObjectNode) {
                showRecords(object.get(name), value);
            }
        }
    }
}
