#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our client, through our command line, against a real Apache Kafka 4.3.1."""
import json
import unittest

from harness import apache_kafka, eventually, main, ottla, program, run


class ApacheKafka(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bootstrap = cls.enterClassContext(apache_kafka())

    def ottla(self, *args, **options):
        return ottla(*args, "-b", self.bootstrap, **options)

    def test_topics(self):
        self.ottla("topic", "create", "ours", "-p", 3)
        self.assertIn("ours", self.ottla("topic", "list").stdout.split())
        self.ottla("topic", "add-partitions", "ours", "-p", 5)
        # Kafka's controller acknowledges; its broker shows it when it has read the controller's log.
        eventually(lambda: self.assertEqual(self.partition_count("ours"), 5))
        self.ottla("topic", "delete", "ours")
        eventually(lambda: self.assertNotIn("ours", self.ottla("topic", "list").stdout.split()))

    def partition_count(self, topic):
        described = json.loads(self.ottla("topic", "describe", topic, "-o", "json").stdout)
        return len((described[0] if isinstance(described, list) else described)["partitions"])

    def test_every_codec_there_and_back(self):
        lines = "".join(f"key{i}:value {i} {'z' * (i % 100)}\n" for i in range(3000))
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
            with self.subTest(codec=codec):
                topic = f"codec-{codec}"
                self.ottla("topic", "create", topic)
                self.ottla("produce", topic, "-k", ":", "-X", f"compression.type={codec}", input=lines)
                self.assertEqual(self.ottla("consume", topic, "-O", "start", "-n", 3000, "-f", "%k:%v\n").stdout, lines)
                seen = run(["kcat", "-b", self.bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-K", ":"]).stdout
                self.assertEqual(seen, lines)

    def test_what_kcat_wrote_in_every_codec_is_read(self):
        lines = "".join(f"{i} {'w' * (i % 80)}\n" for i in range(1000))
        for codec in ["gzip", "snappy", "lz4", "zstd"]:
            with self.subTest(codec=codec):
                self.ottla("topic", "create", f"theirs-{codec}")
                run(["kcat", "-b", self.bootstrap, "-P", "-t", f"theirs-{codec}", "-z", codec], input=lines)
                self.assertEqual(self.ottla("consume", f"theirs-{codec}", "-O", "start", "-n", 1000, "-f", "%v\n").stdout, lines)

    def test_an_unknown_topic_is_an_error_that_names_it(self):
        done = self.ottla("consume", "nowhere", "-n", 1, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere", done.stderr)

    def test_the_benchmark_runs(self):
        self.ottla("topic", "create", "bench", "-p", 3)
        said = run([program("ottla"), "bench", "produce", "-b", self.bootstrap, "--topic", "bench", "--records", "100000", "--size", "100",
                    "--partitions", "3"], timeout=120).stdout
        self.assertIn("RESULT mode=produce n=100000", said)
        self.assertIn("err=0", said)


if __name__ == "__main__":
    main()
