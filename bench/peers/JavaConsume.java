// SPDX-License-Identifier: Apache-2.0
// Apache Kafka's Java consumer as a benchmark client. One result line "RESULT k=v ..." on stdout, like rdk_bench.
//   java -cp LIBS/*:CLASSES JavaConsume BOOT [--n N] [--parts P] [--topic T] [--warm N] [-X k=v]...
// --warm: so many records are read before the clock starts, so that what runs is compiled. CPU is that of the process
// over the timed part, threads of the virtual machine included.
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public final class JavaConsume {
    static double cpuSeconds() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }

    static double peakMegabytes() throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024.0;
        }
        return 0;
    }

    public static void main(String[] args) throws Exception {
        long wanted = 1_000_000, warm = -1;
        int partitions = 1;
        String topic = "bench";
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("enable.auto.commit", "false");
        for (int i = 1; i + 1 < args.length; i += 2) {
            switch (args[i]) {
                case "--n" -> wanted = Long.parseLong(args[i + 1]);
                case "--warm" -> warm = Long.parseLong(args[i + 1]);
                case "--parts" -> partitions = Integer.parseInt(args[i + 1]);
                case "--topic" -> topic = args[i + 1];
                case "-X" -> settings.put(args[i + 1].split("=", 2)[0], args[i + 1].split("=", 2)[1]);
                default -> throw new IllegalArgumentException(args[i]);
            }
        }
        if (warm < 0) warm = wanted;
        List<TopicPartition> assigned = new ArrayList<>();
        for (int p = 0; p < partitions; ++p) assigned.add(new TopicPartition(topic, p));
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            consumer.assign(assigned);
            for (TopicPartition partition : assigned) consumer.seek(partition, 0);
            long got = 0, from = -1, bytes = 0, sum = 0, began = 0;
            double cpu = 0;
            for (int idle = 0; idle < 5 && (from < 0 || got - from < wanted);) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(1));
                idle = records.isEmpty() ? idle + 1 : 0;
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    byte[] value = record.value();
                    if (value.length > 0) sum += (value[0] & 255) + (value[value.length - 1] & 255);
                    bytes += value.length;
                    ++got;
                }
                if (from < 0 && got > warm) {
                    from = got;
                    bytes = 0;
                    cpu = cpuSeconds();
                    began = System.nanoTime();
                }
            }
            double seconds = (System.nanoTime() - began) / 1e9, used = cpuSeconds() - cpu, n = got - from;
            if (from < 0 || n < wanted) throw new IllegalStateException("only " + got + " records came");
            System.out.printf("RESULT mode=consume n=%.0f secs=%.4f msgs_s=%.0f mb_s=%.2f cpu_s_per_M=%.4f rss_mb=%.1f err=0 sum=%d%n", n, seconds,
                n / seconds, bytes / seconds / 1e6, used / n * 1e6, peakMegabytes(), sum % 1000);
        }
    }
}
