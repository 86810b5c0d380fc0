#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups of the consumer protocol (KIP-848) on our broker: librdkafka and Apache Kafka's Java client with group.protocol=consumer,
Kafka's tools, and Kafka's own dump of what is kept of them."""
import glob
import os
import re
import unittest

from harness import Broker, kafka_run, kafka_setup, main, ottla
from test_groups import Members, java, produce

COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONFIGS = "kafka.admin.ConfigCommand"
DUMP = "org.apache.kafka.tools.DumpLogSegments"
QUICK = ["-c", "group.consumer.min.heartbeat.interval.ms=200", "-c", "group.consumer.heartbeat.interval.ms=200",
         "-c", "group.consumer.min.session.timeout.ms=3000", "-c", "group.consumer.session.timeout.ms=6000"]


class ConsumerProtocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kafka_setup()
        cls.broker = cls.enterClassContext(Broker(*QUICK))

    def topic(self, name, partitions=6):
        ottla("topic", "create", name, "-p", partitions, "-b", self.broker.bootstrap)
        return name

    def command(self, *words, check=True):
        return kafka_run(COMMAND, "--bootstrap-server", self.broker.bootstrap, *words, check=check, timeout=120)

    @staticmethod
    def settings(group, **more):
        # librdkafka refuses the settings that are the coordinator's now.
        return {"group.id": group, "group.protocol": "consumer", "session.timeout.ms": None, "heartbeat.interval.ms": None, **more}

    def test_two_members_share_and_take_over(self):
        topic = self.topic("share")
        with Members(self.broker) as members:
            members.ask("join", name="a", topic=topic, settings=self.settings("g-share"))
            self.assertEqual(members.ask("settle", partitions=6)["owned"], {"a": list(range(6))})
            members.ask("join", name="b", topic=topic, settings=self.settings("g-share"))
            two = members.ask("settle", partitions=6)["owned"]
            self.assertEqual({len(p) for p in two.values()}, {3})
            produce(self.broker, topic, range(600))
            seen = members.ask("poll", wanted=600)
            self.assertEqual(sorted(v for values in seen.values() for v in values), list(range(600)))
            described = self.command("--describe", "--group", "g-share", "--members", "--verbose").stdout
            self.assertIn("share", described)
            self.assertIn("Stable", self.command("--describe", "--group", "g-share", "--state").stdout)
            members.ask("commit", name="a")
            members.ask("commit", name="b")
            self.assertIn("600", self.total(self.command("--describe", "--group", "g-share").stdout))
            members.ask("leave", name="b")
            one = members.ask("settle", partitions=6)
            self.assertEqual(one["owned"], {"a": list(range(6))})
            self.assertEqual(one["seen"]["a"], [])
            produce(self.broker, topic, range(600, 700))
            self.assertEqual(sorted(members.ask("poll", wanted=100)["a"]), list(range(600, 700)))

    @staticmethod
    def total(described):
        rows = [line.split() for line in described.splitlines() if line.startswith("g-share")]
        return str(sum(int(row[3]) for row in rows))

    def test_members_go_on_over_a_kill_of_the_broker(self):
        topic = self.topic("killed")
        with Members(self.broker) as members:
            for name in ("a", "b"):
                members.ask("join", name=name, topic=topic, settings=self.settings("g-killed"))
            before = members.ask("settle", partitions=6)["owned"]
            self.broker.kill()
            self.broker.start()
            self.assertEqual(members.ask("settle", partitions=6)["owned"], before)
            produce(self.broker, topic, range(100))
            seen = members.ask("poll", wanted=100)
            self.assertEqual(sorted(v for values in seen.values() for v in values), list(range(100)))

    def test_a_static_member_comes_back_without_a_rebalance(self):
        topic = self.topic("static")
        with Members(self.broker) as members:
            members.ask("join", name="a", topic=topic, settings=self.settings("g-static", **{"group.instance.id": "i-a"}))
            members.ask("join", name="b", topic=topic, settings=self.settings("g-static", **{"group.instance.id": "i-b"}))
            before = members.ask("settle", partitions=6)["owned"]
            members.ask("leave", name="a")
            members.ask("join", name="a", topic=topic, settings=self.settings("g-static", **{"group.instance.id": "i-a"}))
            self.assertEqual(members.ask("settle", partitions=6)["owned"], before)

    def test_a_group_goes_over_with_its_members_and_back(self):
        topic = self.topic("moves")
        classic = {"group.id": "g-moves", "partition.assignment.strategy": "cooperative-sticky"}
        with Members(self.broker) as members:
            members.ask("join", name="old", topic=topic, settings=classic)
            members.ask("settle", partitions=6)
            members.ask("join", name="new", topic=topic, settings=self.settings("g-moves"))
            both = members.ask("settle", partitions=6)["owned"]
            self.assertEqual({len(p) for p in both.values()}, {3})
            produce(self.broker, topic, range(300))
            seen = members.ask("poll", wanted=300)
            self.assertEqual(sorted(v for values in seen.values() for v in values), list(range(300)))
            self.assertRegex(self.command("--list", "--type").stdout, r"g-moves +Consumer")
            members.ask("leave", name="new")
            self.assertEqual(members.ask("settle", partitions=6)["owned"], {"old": list(range(6))})
            self.assertRegex(self.command("--list", "--type").stdout, r"g-moves +Classic")

    def test_an_expression_finds_its_topics(self):
        topic = self.topic("by-expression-1", 2)
        with Members(self.broker) as members:
            members.ask("join", name="a", topic="^by-expression-.*", settings=self.settings("g-expression"))
            members.ask("settle", partitions=2)
            produce(self.broker, topic, range(50))
            self.assertEqual(sorted(members.ask("poll", wanted=50)["a"]), list(range(50)))

    def test_a_group_has_settings_of_its_own(self):
        def configs(*words, check=True):
            return kafka_run(CONFIGS, "--bootstrap-server", self.broker.bootstrap, "--entity-type", "groups", "--entity-name", "g-set", *words,
                             check=check, timeout=60)
        configs("--alter", "--add-config", "consumer.heartbeat.interval.ms=500")
        self.assertIn("consumer.heartbeat.interval.ms=500", configs("--describe").stdout)
        refused = configs("--alter", "--add-config", "consumer.session.timeout.ms=70000", check=False)
        self.assertIn("group.consumer.max.session.timeout.ms", refused.stdout + refused.stderr)

    def test_the_java_client_goes_on_where_it_ended(self):
        topic = self.topic("java", 3)
        produce(self.broker, topic, range(200))
        protocol = ("--consumer-property", "group.protocol=consumer")
        self.assertEqual(java(self.broker, "g-java", topic, *protocol), list(range(200)))
        produce(self.broker, topic, range(200, 300))
        self.assertEqual(java(self.broker, "g-java", topic, *protocol), list(range(200, 300)))
        self.assertRegex(self.command("--list", "--type").stdout, r"g-java +Consumer")
        # Nobody is in it: it may go to the classic protocol, and back.
        produce(self.broker, topic, range(300, 400))
        self.assertEqual(java(self.broker, "g-java", topic), list(range(300, 400)))
        self.assertRegex(self.command("--list", "--type").stdout, r"g-java +Classic")
        produce(self.broker, topic, range(400, 500))
        self.assertEqual(java(self.broker, "g-java", topic, *protocol), list(range(400, 500)))
        self.command("--delete", "--group", "g-java")
        self.assertNotIn("g-java", self.command("--list").stdout)

    def test_kafkas_dump_tool_reads_what_is_kept(self):
        topic = self.topic("dumped", 2)
        produce(self.broker, topic, range(10))
        java(self.broker, "g-dumped", topic, "--consumer-property", "group.protocol=consumer")
        self.broker.stop()
        try:
            files = [f for f in sorted(glob.glob(os.path.join(self.broker.data, "__consumer_offsets-*", "*.log"))) if os.path.getsize(f)]
            words = ["--offsets-decoder", "--deep-iteration", "--files", ",".join(files)]
            kafkas, ours = kafka_run(DUMP, *words, timeout=120).stdout, ottla("log", "dump", *words).stdout
        finally:
            self.broker.start()
        self.assertEqual(kafkas.splitlines(), ours.splitlines())
        types = {int(t) for t, k in re.findall(r'key: \{"type":"?(\d+)"?,(.*?)\} payload', kafkas) if "g-dumped" in k}
        self.assertEqual(types, {1, 3, 5, 6, 7, 8})


if __name__ == "__main__":
    main()
