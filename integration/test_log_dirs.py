#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What lies in the brokers' directories, asked by Apache Kafka's tool and by ours, of Apache Kafka 4.3.1 and of our broker."""
import json
import os
import tempfile
import unittest

from harness import Broker, apache_kafka, kafka_run, main, ottla


def ask_kafkas_tool(bootstrap, *args):
    said = kafka_run("org.apache.kafka.tools.LogDirsCommand", "--bootstrap-server", bootstrap, "--describe", *args).stdout
    return json.loads(next(line for line in said.splitlines() if line.startswith("{")))["brokers"]


def kafkas_tool(bootstrap):
    """The directories of the only broker, in order."""
    directories = sorted(ask_kafkas_tool(bootstrap)[0]["logDirs"], key=lambda d: d["logDir"])
    for directory in directories:
        directory["partitions"].sort(key=lambda p: p["partition"])
    return directories


class LogDirs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(apache_kafka())
        cls.broker = cls.enterClassContext(Broker())
        for bootstrap in [cls.kafka, cls.broker.bootstrap]:
            ottla("topic", "create", "orders", "-p", 3, "-b", bootstrap)
            ottla("topic", "create", "others", "-b", bootstrap)
            ottla("produce", "orders", "-p", 1, "-b", bootstrap, input="x" * 1000 + "\n")

    def ours(self, bootstrap, *args):
        """In the shape of Kafka's tool."""
        return [{"broker": b["broker"], "logDirs": [
            {"partitions": [{"partition": f"{p['topic']}-{p['partition']}", "size": p["bytes"], "offsetLag": p["offset_lag"], "isFuture": p["future"]}
                            for p in d["partitions"]], "error": d["error"], "logDir": d["path"]} for d in b["directories"]]}
            for b in json.loads(ottla("logdirs", *args, "-o", "json", "-b", bootstrap).stdout)]

    def in_order(self, brokers):
        for broker in brokers:
            for directory in broker["logDirs"]:
                directory["partitions"].sort(key=lambda p: p["partition"])
        return brokers

    def test_both_tools_say_the_same_of_both_brokers(self):
        for bootstrap in [self.kafka, self.broker.bootstrap]:
            for kafkas, ours in [([], []), (["--topic-list", "orders"], ["--topics", "orders"])]:
                said = self.in_order(ask_kafkas_tool(bootstrap, *kafkas))
                self.assertEqual(said, self.in_order(self.ours(bootstrap, *ours)), bootstrap)
                partitions = [p["partition"] for p in said[0]["logDirs"][0]["partitions"]]
                self.assertEqual(partitions, ["orders-0", "orders-1", "orders-2"] + ([] if kafkas else ["others-0"]))

    def test_both_brokers_say_the_same_of_the_same_topic(self):
        kafkas, ours = ([p for p in ask_kafkas_tool(bootstrap, "--topic-list", "orders")[0]["logDirs"][0]["partitions"]]
                        for bootstrap in [self.kafka, self.broker.bootstrap])
        self.assertEqual(sorted(kafkas, key=str), sorted(ours, key=str))

    def test_the_room_is_that_of_the_disk(self):
        for bootstrap in [self.kafka, self.broker.bootstrap]:
            directory, = json.loads(ottla("logdirs", "-o", "json", "-b", bootstrap).stdout)[0]["directories"]
            disk = os.statvfs(directory["path"])
            self.assertEqual(directory["total_bytes"], disk.f_blocks * disk.f_frsize)
            self.assertLess(abs(directory["usable_bytes"] - disk.f_bavail * disk.f_frsize), 1 << 30)


class SeveralLogDirs(unittest.TestCase):
    def test_partitions_lie_in_both_and_stay_over_a_restart(self):
        with tempfile.TemporaryDirectory(prefix="ottla-test-") as root:
            paths = [os.path.join(root, name) for name in ["a", "b"]]
            with Broker("-c", "log.dirs=" + ",".join(paths)) as broker:
                ottla("topic", "create", "orders", "-p", 4, "-b", broker.bootstrap)
                ottla("produce", "orders", "-p", 1, "-b", broker.bootstrap, input="x" * 1000 + "\n")
                before = kafkas_tool(broker.bootstrap)
                self.assertEqual([d["logDir"] for d in before], paths)
                self.assertEqual([sorted(p["partition"] for p in d["partitions"]) for d in before],
                                 [["orders-0", "orders-2"], ["orders-1", "orders-3"]])
                self.assertGreater(sum(p["size"] for p in before[1]["partitions"]), 1000)
                self.assertEqual(sum(p["size"] for p in before[0]["partitions"]), 0)
                broker.stop()
                for path in paths:
                    self.assertTrue(os.path.exists(os.path.join(path, ".kafka_cleanshutdown")), path)
                self.assertTrue(os.path.isdir(os.path.join(paths[0], "__cluster_metadata-0")))
                broker.start()
                self.assertEqual(kafkas_tool(broker.bootstrap), before)
                self.assertEqual(ottla("consume", "orders", "-p", 1, "-O", "start", "-n", 1, "-b", broker.bootstrap).stdout.strip(), "x" * 1000)


if __name__ == "__main__":
    main()
