#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How our consumer fetches from a real Apache Kafka of three nodes: a request tells only what has changed (KIP-227); it reads
from the replica in its rack, and from the leader when that is down (KIP-392); and when a leader that was behind has been
elected, it says from where to where the log was truncated, and reads what is there now (KIP-320). In the full run."""
import os
import subprocess
import tempfile
import unittest

from harness import KafkaNode, eventually, kafka_run, main, ottla, program

FULL = bool(os.environ.get("OTTLA_FULL"))
LINES = ["broker.rack=r%i", "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
         "offsets.topic.num.partitions=1", "unclean.leader.election.enable=true"]


class Watcher:
    def __init__(self, bootstrap, topic, partitions, *settings):
        self.out = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([program("fetch_watcher"), bootstrap, topic, str(partitions), *settings],
                                        stdin=subprocess.PIPE, stdout=self.out)

    def lines(self, word):
        text = os.pread(self.out.fileno(), 1 << 26, 0).decode()
        return [line.split(" ", 4)[1:] for line in text.splitlines() if line.startswith(word + " ")]

    def offsets(self):
        return [int(offset) for _, offset, _ in self.lines("RECORD")]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def remove(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.out.close()


@unittest.skipUnless(FULL, "in the full run")
class Fetching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = KafkaNode(*LINES, nodes=3)
        cls.addClassCleanup(cls.kafka.remove)
        cls.kafka.up()

    def topic(self, name, *words):
        kafka_run("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.kafka.bootstrap, "--create", "--topic", name, *words)
        for address in self.kafka.bootstrap.split(","):
            eventually(lambda: self.assertEqual(ottla("topic", "describe", name, "-b", address, check=False).returncode, 0), seconds=30)

    def produce(self, topic, numbers, *settings):
        words = [word for setting in settings for word in ("-X", setting)]
        ottla("produce", topic, "-p", "0", "-b", self.kafka.bootstrap, *words, input="".join(f"{n}\n" for n in numbers))

    def watch(self, *words):
        watcher = Watcher(self.kafka.bootstrap, *words)
        self.addCleanup(watcher.remove)
        return watcher

    def test_a_request_tells_only_what_has_changed(self):
        self.topic("wide", "--partitions", "300", "--replication-factor", "1")
        self.produce("wide", range(10))
        watcher = self.watch("wide", 300)
        eventually(lambda: self.assertEqual(watcher.offsets(), list(range(10))), seconds=60)

        def sizes():
            return [int(size) for _, size, _ in watcher.lines("FETCH")]

        eventually(lambda: self.assertLess(max(sizes()[-9:]), 100, sizes()[-9:]), seconds=60)
        self.assertGreater(max(sizes()), 100 * 20, "the first names a hundred partitions or so")
        self.produce("wide", range(10, 13))
        eventually(lambda: self.assertEqual(watcher.offsets(), list(range(13))), seconds=30)
        watcher.close()
        print(f"NOTE 300 partitions at three brokers: the first request has up to {max(sizes())} bytes, those at rest {min(sizes())}")

    def test_the_nearest_replica_is_read(self):
        self.topic("near", "--replica-assignment", "1:2:3")
        self.produce("near", range(50))
        watcher = self.watch("near", 1, "client.rack=r3")
        eventually(lambda: self.assertEqual(watcher.offsets(), list(range(50))), seconds=60)
        eventually(lambda: self.assertEqual({broker for broker, *_ in watcher.lines("FETCH")[-3:]}, {"3"}), seconds=30)
        self.kafka.down(node=3)
        try:
            self.produce("near", range(50, 100))
            eventually(lambda: self.assertEqual(watcher.offsets(), list(range(100))), seconds=60)
        finally:
            self.kafka.again(3)
        watcher.close()

    def test_a_truncation_is_told(self):
        self.topic("short", "--replica-assignment", "2:3", "--config", "min.insync.replicas=1")
        self.produce("short", range(50))
        watcher = self.watch("short", 1)
        eventually(lambda: self.assertEqual(watcher.offsets(), list(range(50))), seconds=60)
        self.kafka.down(node=3)
        self.produce("short", range(50, 80), "acks=1", "enable.idempotence=false")
        eventually(lambda: self.assertEqual(watcher.offsets(), list(range(80))), seconds=60)
        self.kafka.down(node=2)
        self.kafka.again(3)
        try:
            eventually(lambda: self.assertEqual([moved[:3] for moved in watcher.lines("MOVED")], [["0", "80", "50"]]), seconds=90)
            self.produce("short", range(1000, 1010), "acks=1", "enable.idempotence=false")
            eventually(lambda: self.assertEqual(watcher.offsets(), [*range(80), *range(50, 60)]), seconds=60)
            self.assertEqual([value for *_, value in watcher.lines("RECORD")[-10:]], [str(n) for n in range(1000, 1010)])
        finally:
            self.kafka.again(2)
        watcher.close()
        print(f"NOTE {' '.join(watcher.lines('MOVED')[0])}")


if __name__ == "__main__":
    main()
