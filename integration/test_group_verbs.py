#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ottla group …` on Apache Kafka 4.3.1: its classic groups, its groups of the consumer protocol (KIP-848) and its share groups; what we set,
its own command shows, and the other way round."""
import contextlib
import json
import os
import subprocess
import tempfile
import unittest

from harness import KAFKA, apache_kafka, create_topic, eventually, kafka_env, kafka_run, main, ottla, program, read_line

COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
SHARE_CONSOLE = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"


class GroupVerbs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bootstrap = cls.enterClassContext(apache_kafka())

    def ottla(self, *args, **options):
        return ottla(*args, "-b", self.bootstrap, **options)

    def json(self, *args):
        return json.loads(self.ottla("group", *args, "-o", "json").stdout)

    def fails(self, *args, says):
        done = self.ottla("group", *args, check=False, timeout=60)
        self.assertEqual(done.returncode, 1, (args, done.stdout, done.stderr))
        for word in says:
            self.assertIn(word, done.stderr)

    def fill(self, topic, partitions=2, count=10):
        create_topic(self.bootstrap, topic, partitions)
        for p in range(partitions):
            self.ottla("produce", topic, "-p", p, input="".join(f"{i}\n" for i in range(count)))

    def read(self, group, topic, count):
        self.ottla("consume", topic, "-g", group, "-O", "start", "-n", count)

    def committed(self, group):
        one, = self.json("offsets", group, "--no-times")
        return {f"{p['topic']}:{p['partition']}": p["committed"] for p in one["partitions"]}

    def kafkas(self, group):
        """Committed offsets as Kafka's own command shows them."""
        out = kafka_run(COMMAND, "--bootstrap-server", self.bootstrap, "--describe", "--offsets", "--group", group, timeout=120).stdout
        rows = [line.split() for line in out.splitlines() if line.startswith(group + " ")]
        return {f"{r[1]}:{r[2]}" if r[2].isdigit() else r: int(next(w for w in r[3:] if w.isdigit())) for r in rows}

    @contextlib.contextmanager
    def console(self, what, group, topic, *more):
        """A consumer of Java's that has read something, and stays for the time of the block."""
        env = dict(kafka_env(), JVM="-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        process = subprocess.Popen([KAFKA, "run", what, "--bootstrap-server", self.bootstrap, "--topic", topic, "--group", group, *more], env=env,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            read_line(process.stdout, "", 60)
            yield
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()

    def test_a_classic_group_from_list_to_delete(self):
        self.fill("flow")
        self.read("g-flow", "flow", 20)
        self.assertIn({"group": "g-flow", "type": "Classic", "state": "Empty", "protocol_type": "consumer"}, self.json("list", "--state", "empty"))
        one, = self.json("describe", "g-flow")
        self.assertEqual((one["lag"], one["members"], one["error"]), (0, [], None))
        self.assertEqual(self.committed("g-flow"), {"flow:0": 10, "flow:1": 10})

        self.ottla("group", "reset", "g-flow", "--topic", "flow", "--shift-by", "-4", "--yes")
        self.assertEqual(self.kafkas("g-flow"), {"flow:0": 6, "flow:1": 6})
        one, = self.json("offsets", "g-flow")
        self.assertEqual(one["lag"], 8)
        self.assertTrue(all(p["behind_ms"] >= 0 and p["behind_end_ms"] >= 0 for p in one["partitions"]), one)
        self.ottla("group", "reset", "g-flow", "--all-topics", "--by-duration", "P1D", "--yes")
        self.assertEqual(self.committed("g-flow"), {"flow:0": 0, "flow:1": 0})

        with self.console(CONSOLE, "g-flow", "flow", "--command-property", "client.id=the-java-one",
                          "--command-property", "auto.commit.interval.ms=200"):
            member, = self.json("members", "g-flow")[0]["members"]
            self.assertEqual((member["client"], member["topics"], member["assignment"]), ("the-java-one", ["flow"], [{"topic": "flow", "partitions": [0, 1]}]))
            self.fails("reset", "g-flow", "--topic", "flow", "--to-earliest", "--yes", says=["the-java-one", "stop them first"])
            self.fails("delete", "g-flow", says=["g-flow", "NON_EMPTY_GROUP"])
            self.fails("delete-offsets", "g-flow", "--topic", "flow", says=["GROUP_SUBSCRIBED_TO_TOPIC", "flow[0]"])
            eventually(lambda: self.assertEqual(self.json("describe", "g-flow")[0]["lag"], 0))
        eventually(lambda: self.assertEqual(self.json("describe", "g-flow")[0]["state"], "Empty"))
        self.ottla("group", "delete-offsets", "g-flow", "--topic", "flow:1")
        self.assertEqual(self.kafkas("g-flow"), {"flow:0": 10})
        self.ottla("group", "delete", "g-flow")
        self.fails("describe", "g-flow", says=["there is no group 'g-flow'", "ottla group list"])

    def test_files_are_those_of_kafkas_command(self):
        topic = "a-topic-with-a-rather-long-name"
        self.fill(topic)
        self.read("g-file", topic, 20)
        theirs = kafka_run(COMMAND, "--bootstrap-server", self.bootstrap, "--group", "g-file", "--reset-offsets", "--topic", topic, "--shift-by", -7,
                           "--export", "--dry-run", timeout=120).stdout
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "offsets.csv")
            with open(path, "w") as file:
                file.write(theirs)
            self.ottla("group", "reset", "g-file", "--from-file", path, "--yes")
            self.assertEqual(self.committed("g-file"), {f"{topic}:0": 3, f"{topic}:1": 3})
            ours = self.ottla("group", "reset", "g-file", "--all-topics", "--to-offset", 5, "--export").stdout
            with open(path, "w") as file:
                file.write(ours)
            kafka_run(COMMAND, "--bootstrap-server", self.bootstrap, "--group", "g-file", "--reset-offsets", "--from-file", path, "--execute", timeout=120)
        self.assertEqual(self.committed("g-file"), {f"{topic}:0": 5, f"{topic}:1": 5})

    def test_a_group_whose_coordinator_assigns(self):
        self.fill("new", 4)
        with self.console(CONSOLE, "g-new", "new", "--from-beginning", "--command-property", "group.protocol=consumer", "--command-property",
                          "client.id=the-new-one", "--command-property", "auto.commit.interval.ms=200"):
            self.assertIn("g-new", [g["group"] for g in self.json("list", "--type", "consumer")])

            def settled():
                one, = self.json("describe", "g-new")
                self.assertEqual((one["type"], one["state"], one["lag"]), ("Consumer", "Stable", 0))
                return one

            one = eventually(settled)
            member, = one["members"]
            self.assertGreaterEqual(one["epoch"], 1)
            self.assertEqual((one["assignment_epoch"], member["epoch"], one["assignor"], member["classic"]), (one["epoch"], one["epoch"], "uniform", False))
            self.assertEqual((member["client"], member["topics"]), ("the-new-one", ["new"]))
            self.assertEqual(member["assignment"], [{"topic": "new", "partitions": [0, 1, 2, 3]}])
            self.assertEqual(member["target_assignment"], member["assignment"])
            self.fails("reset", "g-new", "--topic", "new", "--to-earliest", "--yes", says=["the-new-one", "stop them first"])
        eventually(lambda: self.assertEqual(self.json("describe", "g-new")[0]["state"], "Empty"))
        self.ottla("group", "reset", "g-new", "--all-topics", "--to-offset", 2, "--yes")
        self.assertEqual(set(self.committed("g-new").values()), {2})
        self.ottla("group", "delete", "g-new")

    def test_a_group_of_another_type_is_named_as_such(self):
        self.fill("shared", 1)
        kafka_run("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, "--alter", "--entity-type",
                  "groups", "--entity-name", "g-share", "--add-config", "share.auto.offset.reset=earliest", timeout=120)
        with self.console(SHARE_CONSOLE, "g-share", "shared"):
            self.assertIn("g-share", [g["group"] for g in self.json("list", "--type", "share")])
            for verb in ["describe", "members", "offsets"]:
                self.fails(verb, "g-share", says=["group 'g-share' is of type Share"])
            self.fails("reset", "g-share", "--topic", "shared", "--to-earliest", says=["group 'g-share' is of type Share"])


if __name__ == "__main__":
    main()
