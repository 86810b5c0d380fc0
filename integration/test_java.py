#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's own Java clients and tools against our broker, and its dump tool on our files."""
import glob
import json
import os
import re
import unittest

from harness import Broker, kafka_run, kafka_setup, main, ottla


class Java(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kafka_setup()
        cls.broker = cls.enterClassContext(Broker())
        cls.at = ("--bootstrap-server", cls.broker.bootstrap)

    def test_topic_command_creates_describes_alters_and_deletes(self):
        tool = "org.apache.kafka.tools.TopicCommand"
        kafka_run(tool, *self.at, "--create", "--topic", "from-java", "--partitions", 3, "--config", "max.message.bytes=100000")
        described = kafka_run(tool, *self.at, "--describe", "--topic", "from-java").stdout
        self.assertIn("PartitionCount: 3", described)
        self.assertIn("max.message.bytes=100000", described)
        kafka_run(tool, *self.at, "--alter", "--topic", "from-java", "--partitions", 5)
        self.assertIn("from-java", kafka_run(tool, *self.at, "--list").stdout.split())
        kafka_run(tool, *self.at, "--delete", "--topic", "from-java")
        self.assertNotIn("from-java", kafka_run(tool, *self.at, "--list").stdout.split())

    def test_console_producer_and_consumer(self):
        ottla("topic", "create", "console", "-b", self.broker.bootstrap)
        lines = "".join(f"k{i}:value {i}\n" for i in range(500))
        kafka_run("org.apache.kafka.tools.ConsoleProducer", *self.at, "--topic", "console", "--reader-property", "parse.key=true",
                  "--reader-property", "key.separator=:", "--compression-codec", "zstd", input=lines)
        back = kafka_run("org.apache.kafka.tools.consumer.ConsoleConsumer", *self.at, "--topic", "console", "--partition", 0, "--offset", "earliest",
                         "--max-messages", 500, "--timeout-ms", 15000, "--formatter-property", "print.key=true", "--formatter-property",
                         "key.separator=:").stdout
        self.assertEqual(back, lines)

    def test_keyed_records_land_on_the_partitions_that_java_picks(self):
        keys = [f"customer-{i}" for i in range(200)] + [c * n for c in "aé€" for n in range(1, 20)]
        lines = "".join(f"{key}:v\n" for key in keys)
        for topic in ("keyed-java", "keyed-ours"):
            ottla("topic", "create", topic, "-p", 12, "-b", self.broker.bootstrap)
        kafka_run("org.apache.kafka.tools.ConsoleProducer", *self.at, "--topic", "keyed-java", "--reader-property", "parse.key=true",
                  "--reader-property", "key.separator=:", input=lines)
        ottla("produce", "keyed-ours", "-k", ":", "-b", self.broker.bootstrap, input=lines)
        places = []
        for topic in ("keyed-java", "keyed-ours"):
            said = ottla("consume", topic, "-O", "start", "-e", "-o", "json", "-b", self.broker.bootstrap).stdout
            places.append({r["key"]: r["partition"] for r in map(json.loads, said.splitlines())})
        self.assertEqual(set(places[0]), set(keys))
        self.assertEqual(places[0], places[1])
        self.assertEqual(set(places[0].values()), set(range(12)))

    def test_the_consumer_fetches_in_a_session(self):
        ottla("topic", "create", "session", "-b", self.broker.bootstrap)
        ottla("produce", "session", "-b", self.broker.bootstrap, input="first\n")
        back = kafka_run("org.apache.kafka.tools.consumer.ConsoleConsumer", *self.at, "--topic", "session", "--partition", 0, "--offset", "earliest",
                         "--timeout-ms", 3000, debug="org.apache.kafka.clients.FetchSessionHandler")
        self.assertEqual(back.stdout, "first\n")
        self.assertIn("created a new incremental fetch session", back.stderr)
        # One that told the record and took its offset, one that had nothing to tell, and no complaint.
        self.assertRegex(back.stderr, r"Built incremental fetch \(sessionId=\d+, epoch=2\)")
        self.assertRegex(back.stderr, r"sent an incremental fetch response .* with 0 response partition\(s\)")
        self.assertNotIn("was unable to process", back.stderr)
        self.assertNotIn("sent an invalid", back.stderr)

    def test_verifiable_producer_has_every_record_acknowledged(self):
        ottla("topic", "create", "verifiable", "-p", 2, "-b", self.broker.bootstrap)
        said = kafka_run("org.apache.kafka.tools.VerifiableProducer", *self.at, "--topic", "verifiable", "--max-messages", 20000, "--acks", -1,
                         timeout=120).stdout
        self.assertEqual(said.count('"name":"producer_send_success"'), 20000)

    def test_performance_tool_runs_to_its_end(self):
        ottla("topic", "create", "perf", "-p", 3, "-b", self.broker.bootstrap)
        said = kafka_run("org.apache.kafka.tools.ProducerPerformance", "--topic", "perf", "--num-records", 100000, "--record-size", 100, "--throughput", -1,
                         *self.at, "--command-property", "acks=all", timeout=120).stdout
        self.assertIn("100000 records sent", said)


class DumpLog(unittest.TestCase):
    def test_kafkas_dump_tool_reads_our_segments_and_our_metadata_log(self):
        kafka_setup()
        with Broker() as broker:
            ottla("topic", "create", "dumped", "-b", broker.bootstrap)
            ottla("produce", "dumped", "-b", broker.bootstrap, "-k", ":", "-X", "compression.type=lz4", input="a:1\nb:2\nc:3\n")
            broker.stop()
            tool = "org.apache.kafka.tools.DumpLogSegments"
            segment, = glob.glob(os.path.join(broker.data, "dumped-0", "*.log"))
            dumped = kafka_run(tool, "--deep-iteration", "--print-data-log", "--files", segment).stdout
            for key, value in [("a", "1"), ("b", "2"), ("c", "3")]:
                self.assertIn(f"key: {key} payload: {value}", dumped)
            metadata = kafka_run(tool, "--cluster-metadata-decoder", "--files",
                                 os.path.join(broker.data, "__cluster_metadata-0", "00000000000000000000.log")).stdout
            for record in ["LEADER_CHANGE", "FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"]:
                self.assertIn(record, metadata.upper().replace("LEADERCHANGE", "LEADER_CHANGE"))
            self.assertIn('"name":"dumped"', metadata)
            broker.start()  # the block stops it once more, from the same files

    def test_our_dump_prints_what_kafkas_does(self):
        kafka_setup()
        with Broker() as broker:
            ottla("topic", "create", "alike", "-b", broker.bootstrap)
            for codec in ["none", "zstd"]:
                ottla("produce", "alike", "-b", broker.bootstrap, "-k", ":", "-Z", "-H", "h=1", "-z", codec, input="a:1\nb:\n:é\n")
            segment, = glob.glob(os.path.join(broker.data, "alike-0", "*.log"))
            asked = ["--deep-iteration", "--print-data-log", "--files", segment]
            kafkas = kafka_run("org.apache.kafka.tools.DumpLogSegments", *asked).stdout.splitlines()
            self.assertEqual(ottla("log", "dump", *asked).stdout.splitlines(), kafkas)
            self.assertEqual(sum(line.startswith("| ") for line in kafkas), 6)

    def test_finds_our_indexes_right(self):
        with Broker() as broker:
            ottla("topic", "create", "indexed", "-p", "1", "-c", "segment.bytes=1048576", "-b", broker.bootstrap)
            ottla("bench", "produce", "-b", broker.bootstrap, "--topic", "indexed", "--records", "30000", "--size", "100",
                  "--partitions", "1", "-X", "batch.num.messages=17")
            broker.stop()
            files = sorted(glob.glob(os.path.join(broker.data, "indexed-0", "*.log")) +
                           glob.glob(os.path.join(broker.data, "indexed-0", "*index")))
            self.assertGreaterEqual(len(files), 9)
            self.assertGreater(os.path.getsize(files[0]), 1000, files[0])
            for check in ["--deep-iteration", "--index-sanity-check"]:
                run = kafka_run("org.apache.kafka.tools.DumpLogSegments", check, "--files", ",".join(files))
                # It also takes each later segment's first offset to follow "-1".
                complaints = re.compile(r"ismatch|^ *\d+ is followed by|sanity check failed|Exception")
                self.assertEqual([line for line in (run.stdout + run.stderr).splitlines() if complaints.search(line)], [])
            broker.start()


if __name__ == "__main__":
    main()
