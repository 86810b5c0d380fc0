// SPDX-License-Identifier: Apache-2.0
// A member of a group by Confluent's parallel-consumer. See ../parallel-member.
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ParallelMember {
    static ParallelStreamProcessor<String, String> subscribe(String bootstrap, String group, String topic, ProcessingOrder order, int workers) {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        config.put("group.id", group);
        config.put("enable.auto.commit", "false");
        config.put("auto.offset.reset", "earliest");
        config.put("session.timeout.ms", "6000");
        var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        var options = ParallelConsumerOptions.<String, String>builder()
            .consumer(consumer)
            .ordering(order)
            .maxConcurrency(workers)
            .commitMode(CommitMode.PERIODIC_CONSUMER_SYNC)
            .commitInterval(Duration.ofMillis(200))
            .defaultMessageRetryDelay(Duration.ofMillis(100))
            .build();
        var processor = ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(topic));
        return processor;
    }

    static void work(String[] args) throws Exception {
        Set<Long> failing = new HashSet<>();
        if (args.length > 5)
            for (String offset : args[5].split(",")) failing.add(Long.parseLong(offset));
        var processor = subscribe(args[1], args[2], args[3], ProcessingOrder.UNORDERED, Integer.parseInt(args[4]));
        processor.poll(context -> {
            long offset = context.getSingleConsumerRecord().offset();
            if (failing.contains(offset)) throw new RuntimeException("to be done by another");
            synchronized (System.out) {
                System.out.println("DONE " + offset);
                System.out.flush();
            }
        });
        while (System.in.read() >= 0) {
        }
        processor.closeDontDrainFirst(Duration.ofSeconds(10));
        System.out.println("CLOSED");
        System.out.flush();
        System.exit(0);
    }

    static void delays(String[] args) throws Exception {
        long records = Long.parseLong(args[5]);
        AtomicLong begin = new AtomicLong();
        AtomicLong done = new AtomicLong();
        var all = new CountDownLatch(1);
        var processor = subscribe(args[1], args[2], args[3], ProcessingOrder.valueOf(args[4]), 100);
        processor.poll(context -> {
            begin.compareAndSet(0, System.nanoTime());
            long ms = context.getSingleConsumerRecord().offset() % 5;
            try {
                if (ms > 0) Thread.sleep(ms);
            } catch (InterruptedException e) {
                throw new RuntimeException(e);
            }
            if (done.incrementAndGet() == records) all.countDown();
        });
        all.await();
        System.out.printf("RESULT %.3f%n", (System.nanoTime() - begin.get()) / 1e9);
        processor.closeDontDrainFirst(Duration.ofSeconds(10));
        System.exit(0);
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("work")) work(args);
        else delays(args);
    }
}
