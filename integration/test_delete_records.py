#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deleting the oldest records, by Apache Kafka's tool and by ours, of Apache Kafka 4.3.1 and of our broker: the same answers, and
the same records left."""
import json
import tempfile
import unittest

from harness import Broker, apache_kafka, kafka_run, main, ottla

LINES = "".join(f"{i}\n" for i in range(10))


class DeleteRecords(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.brokers = [cls.enterClassContext(apache_kafka()), cls.enterClassContext(Broker()).bootstrap]

    def fresh(self, topic, *options):
        for bootstrap in self.brokers:
            ottla("topic", "create", topic, "-p", 2, *options, "-b", bootstrap)
            ottla("produce", topic, "-p", 0, "-b", bootstrap, "-k", "-", "-X", "batch.num.messages=3", input=LINES.replace("\n", "-v\n"))

    def both(self, *places):
        """What each broker answers: per partition where it begins now, or the error."""
        answers = []
        for bootstrap in self.brokers:
            done = ottla("topic", "delete-records", *places, "-o", "json", "-b", bootstrap, check=False, timeout=60)
            answers.append([r["low_watermark"] if r["error"] is None else r["error"]["code"] for r in json.loads(done.stdout)])
        self.assertEqual(answers[0], answers[1], places)
        return answers[0]

    def left(self, topic):
        left = [ottla("consume", topic, "-O", "start", "-e", "-f", "%o ", "-b", bootstrap).stdout for bootstrap in self.brokers]
        self.assertEqual(left[0], left[1])
        return [int(offset) for offset in left[0].split()]

    def test_records_go_up_to_an_offset_and_never_come_back(self):
        self.fresh("plain")
        self.assertEqual(self.both("plain:0:4", "plain:1:0"), [4, 0])
        self.assertEqual(self.left("plain"), [4, 5, 6, 7, 8, 9])
        self.assertEqual(self.both("plain:0:2"), [4])
        self.assertEqual(self.both("plain:0:end", "plain:1:end"), [10, 0])
        self.assertEqual(self.left("plain"), [])

    def test_what_cannot_be_deleted(self):
        self.fresh("kept", "-c", "cleanup.policy=compact")
        self.fresh("both", "-c", "cleanup.policy=compact,delete")
        self.assertEqual(self.both("kept:0:1", "both:0:1"), ["POLICY_VIOLATION", 1])
        self.assertEqual(self.both("both:0:11"), ["OFFSET_OUT_OF_RANGE"])
        self.assertEqual(self.left("kept"), list(range(10)))

    def test_kafkas_tool_and_its_file(self):
        self.fresh("file")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as places:
            json.dump({"partitions": [{"topic": "file", "partition": 0, "offset": 3}, {"topic": "file", "partition": 1, "offset": -1}], "version": 1}, places)
            places.flush()
            for bootstrap in self.brokers:
                said = kafka_run("org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server", bootstrap, "--offset-json-file", places.name).stdout
                self.assertIn("file-0\tlow_watermark: 3", said)
                self.assertIn("file-1\tlow_watermark: 0", said)
                ours = ottla("topic", "delete-records", "--file", places.name, "-b", bootstrap).stdout
                self.assertEqual([line.split() for line in ours.splitlines()[1:]], [["file", "0", "3"], ["file", "1", "0"]])
        self.assertEqual(self.left("file"), [3, 4, 5, 6, 7, 8, 9])


if __name__ == "__main__":
    main()
