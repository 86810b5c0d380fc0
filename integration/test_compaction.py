#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compaction beside Apache Kafka's: the same records into both, each compacts, and what is left is compared; Kafka's dump
tool reads what we compacted, and so does our own broker after a kill."""
import glob
import os
import random
import re
import unittest

from harness import Broker, apache_kafka, eventually, kafka_env, kafka_run, kafka_setup, main, ottla

DUMP = "org.apache.kafka.tools.DumpLogSegments"
SETTINGS = ["cleanup.policy=compact", "internal.segment.bytes=20000", "min.cleanable.dirty.ratio=0.01", "file.delete.delay.ms=100"]
RECORDS, KEYS = 6000, 40


def records():
    """Keyed lines; a value of nothing is a tombstone. The last ones, of one key alone, fill the active segment."""
    chance = random.Random(7)
    lines = [f"key{chance.randrange(KEYS)}:{'' if chance.randrange(10) == 0 else f'{i} ' + 'v' * chance.randrange(80)}" for i in range(RECORDS)]
    return "".join(line + "\n" for line in lines), lines


class Compaction(unittest.TestCase):
    def fill(self, bootstrap, codec):
        topic = f"compacted-{codec}"
        ottla("topic", "create", topic, *(word for one in SETTINGS for word in ("-c", one)), "-b", bootstrap)
        text, _ = records()
        ottla("produce", topic, "-k", ":", "-Z", "-z", codec, "-X", "batch.num.messages=20", "-b", bootstrap, input=text)
        return topic

    def left(self, bootstrap, topic):
        """offset, key, value of all that is there."""
        text = ottla("consume", topic, "-O", "start", "-e", "-f", "%o %k:%v\n", "-b", bootstrap).stdout
        return {int(line.split(" ", 1)[0]): line.split(" ", 1)[1] for line in text.splitlines()}

    def check_compacted(self, bootstrap, topic, data):
        """Below the active segment the last record of each key is left, tombstones too, which are young; and nothing else."""
        _, lines = records()

        def check():
            active = max(int(os.path.basename(f)[:20]) for f in glob.glob(os.path.join(data, topic + "-0", "*.log")))
            self.assertGreater(active, RECORDS // 2)
            there = self.left(bootstrap, topic)
            last = {line.split(":")[0]: offset for offset, line in enumerate(lines[:active])}
            self.assertEqual(sorted(o for o in there if o < active), sorted(last.values()))
            self.assertEqual(there, {o: lines[o] for o in there})
            self.assertEqual([o for o in there if o >= active], list(range(active, RECORDS)))
        eventually(check, 60)

    def test_leaves_what_kafkas_does(self):
        kafka_setup()
        with Broker("-c", "log.cleaner.backoff.ms=100") as ours, apache_kafka(1, "log.cleaner.backoff.ms=100") as theirs:
            for codec in ["none", "lz4"]:
                with self.subTest(codec=codec):
                    topic = self.fill(ours.bootstrap, codec)
                    self.fill(theirs, codec)
                    self.check_compacted(ours.bootstrap, topic, ours.data)
                    self.check_compacted(theirs, topic, self.data_of(theirs, topic))
            ours.kill()
            ours.start()
            self.check_compacted(ours.bootstrap, topic, ours.data)
            ours.stop()
            self.read_by_kafka(ours.data)
            ours.start()

    def data_of(self, kafka, topic):
        there = glob.glob(os.path.join(kafka_env()["KAFKA_PEER"], kafka.split(":")[1], "**", topic + "-0"), recursive=True)
        self.assertEqual(len(there), 1)
        return os.path.dirname(there[0])

    def read_by_kafka(self, data):
        files = [f for f in glob.glob(os.path.join(data, "compacted-*", "*")) if re.search(r"\.(log|index|timeindex)$", f)]
        self.assertGreater(len(files), 6)
        for check in ["--deep-iteration", "--index-sanity-check"]:
            said = kafka_run(DUMP, check, "--files", ",".join(sorted(files)))
            complaints = re.compile(r"ismatch|sanity check failed|Exception|isvalid: false")
            self.assertEqual([line for line in (said.stdout + said.stderr).splitlines() if complaints.search(line)], [])
        self.assertEqual(ottla("log", "verify", data).returncode, 0)


if __name__ == "__main__":
    main()
