#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's own tools on our groups: its consumer groups command against our broker, and its dump tool on what our broker keeps
of groups."""
import glob
import json
import os
import re
import subprocess
import unittest

from harness import Broker, eventually, kafka_run, kafka_setup, librdkafka_python, main, ottla, run

COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
DUMP = "org.apache.kafka.tools.DumpLogSegments"

# One member that stays until its input ends.
MEMBER = r"""
import select, sys
from confluent_kafka import Consumer
bootstrap, group, topic = sys.argv[1:]
c = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
              "client.id": "the-member", "partition.assignment.strategy": "range"})
c.subscribe([topic])
while c.poll(0.1) is None: pass
c.commit(asynchronous=False)
print("IN", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]: c.poll(0.1)
c.close()
"""


class Member:
    def __init__(self, broker, group, topic):
        self.process = subprocess.Popen([librdkafka_python(), "-c", MEMBER, broker.bootstrap, group, topic], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "IN\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


class GroupTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kafka_setup()
        cls.broker = cls.enterClassContext(Broker())

    def command(self, *words, check=True):
        return kafka_run(COMMAND, "--bootstrap-server", self.broker.bootstrap, *words, check=check, timeout=120)

    def table(self, *words):
        """What the command prints: a row each, by the words above the columns."""
        lines = [line.split() for line in self.command(*words).stdout.splitlines() if line.strip()]
        heads = next(i for i, line in enumerate(lines) if line[0] == "GROUP")
        return [dict(zip(lines[heads], line)) for line in lines[heads + 1:]]

    def fill(self, topic, partitions=2, count=10):
        ottla("topic", "create", topic, "-p", partitions, "-b", self.broker.bootstrap)
        for p in range(partitions):
            run(["kcat", "-b", self.broker.bootstrap, "-P", "-t", topic, "-p", str(p)],
                input="".join(f"{i}\n" for i in range(count)))

    def read(self, group, topic):
        run(["kcat", "-b", self.broker.bootstrap, "-G", group, "-e", "-q", "-X", "auto.offset.reset=earliest", topic], timeout=60)

    def offsets(self, group):
        rows = self.table("--describe", "--offsets", "--group", group)
        return {f"{r['TOPIC']}-{r['PARTITION']}": (r["CURRENT-OFFSET"], r["LOG-END-OFFSET"], r["LAG"]) for r in rows}

    def test_groups_are_listed_and_described(self):
        self.fill("described")
        self.read("g-empty", "described")
        with Member(self.broker, "g-stable", "described"):
            states = {r["GROUP"]: r["STATE"] for r in self.table("--list", "--state")}
            self.assertEqual({k: states[k] for k in ("g-empty", "g-stable")}, {"g-empty": "Empty", "g-stable": "Stable"})
            self.assertNotIn("g-stable", self.command("--list", "--state", "Empty").stdout)
            types = {r["GROUP"]: r["TYPE"] for r in self.table("--list", "--type")}
            self.assertEqual(types["g-stable"], "Classic")
            self.assertEqual(self.command("--list", "--type", "consumer").stdout.split("\n", 1)[0].split()[:1] or [""], ["GROUP"])
            self.assertEqual(set(self.offsets("g-empty").values()), {("10", "10", "0")})
            members = self.table("--describe", "--members", "--verbose", "--group", "g-stable")
            self.assertEqual(len(members), 1)
            self.assertEqual((members[0]["CLIENT-ID"], members[0]["#PARTITIONS"], members[0]["HOST"]), ("the-member", "2", "/127.0.0.1"))
            self.assertIn("described", " ".join(members[0].values()))
            state = self.table("--describe", "--state", "--group", "g-stable")[0]
            self.assertIn("Stable", state.values())
            self.assertIn("range", state.values())
            refused = self.command("--delete", "--group", "g-stable", check=False)
            self.assertIn("not empty", refused.stdout + refused.stderr)
            refused = self.command("--delete-offsets", "--group", "g-stable", "--topic", "described", check=False)
            self.assertRegex(refused.stdout + refused.stderr, "(?i)subscribed")
        unknown = self.command("--describe", "--group", "nowhere", check=False)
        self.assertIn("GroupIdNotFound", unknown.stdout + unknown.stderr)

    def test_offsets_are_reset_and_deleted(self):
        self.fill("reset")
        self.fill("other", 1)
        self.read("g-reset", "reset")
        self.read("g-reset", "other")
        self.command("--reset-offsets", "--group", "g-reset", "--topic", "reset", "--shift-by", "-3", "--execute")
        self.assertEqual({k: v for k, v in self.offsets("g-reset").items() if k.startswith("reset")},
                         {"reset-0": ("7", "10", "3"), "reset-1": ("7", "10", "3")})
        self.command("--reset-offsets", "--group", "g-reset", "--topic", "reset:1", "--to-earliest", "--execute")
        self.assertEqual(self.offsets("g-reset")["reset-1"], ("0", "10", "10"))
        self.command("--reset-offsets", "--group", "g-reset", "--topic", "reset:0", "--to-offset", "4", "--execute")
        self.command("--delete-offsets", "--group", "g-reset", "--topic", "reset:1")
        offsets = self.offsets("g-reset")
        self.assertEqual(offsets["reset-0"], ("4", "10", "6"))
        self.assertNotIn("reset-1", offsets)
        ottla("topic", "delete", "other", "-b", self.broker.bootstrap)
        eventually(lambda: self.assertEqual(list(self.offsets("g-reset")), ["reset-0"]))
        self.broker.kill()
        self.broker.start()
        self.assertEqual(self.offsets("g-reset"), {"reset-0": ("4", "10", "6")})

    def test_groups_are_deleted(self):
        self.fill("deleted", 1)
        self.read("g-deleted", "deleted")
        self.assertIn("successful", self.command("--delete", "--group", "g-deleted").stdout)
        self.assertNotIn("g-deleted", self.command("--list").stdout)
        self.broker.kill()
        self.broker.start()
        self.assertNotIn("g-deleted", self.command("--list").stdout)
        gone = self.command("--delete", "--group", "g-deleted", check=False)
        self.assertIn("GroupIdNotFound", gone.stdout + gone.stderr)

    def test_kafkas_dump_reads_what_is_kept(self):
        self.fill("dumped", 2)
        self.read("g-dumped", "dumped")
        self.command("--reset-offsets", "--group", "g-dumped", "--topic", "dumped:0", "--to-offset", "3", "--execute")
        self.command("--delete-offsets", "--group", "g-dumped", "--topic", "dumped:1")
        self.broker.stop()
        try:
            files = [f for f in sorted(glob.glob(os.path.join(self.broker.data, "__consumer_offsets-*", "*.log"))) if os.path.getsize(f)]
            words = ["--offsets-decoder", "--deep-iteration", "--files", ",".join(files)]
            kafkas, ours = kafka_run(DUMP, *words, timeout=120).stdout, ottla("log", "dump", *words).stdout
        finally:
            self.broker.start()
        self.assertEqual(kafkas.splitlines(), ours.splitlines())
        found = [(json.loads(k)["data"], json.loads(v)["data"] if v.startswith("{") else None)
                 for k, v in re.findall(r"key: (\{.*?\}) payload: (.*)$", kafkas, re.M) if "g-dumped" in k]
        self.assertTrue(found, kafkas[-2000:])
        reset = [v["offset"] for k, v in found if k.get("partition") == 0 and v]
        self.assertEqual(reset[-1], 3)
        self.assertIsNone([v for k, v in found if k.get("partition") == 1][-1])
        generations = [v["generation"] for k, v in found if v and "generation" in v]
        self.assertEqual(generations, sorted(generations))


if __name__ == "__main__":
    main()
