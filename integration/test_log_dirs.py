#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What lies in the brokers' directories, asked by Apache Kafka's tool and by ours, of Apache Kafka 4.3.1 and of our broker."""
import json
import os
import unittest

from harness import Broker, apache_kafka, kafka_run, main, ottla


class LogDirs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(apache_kafka())
        cls.broker = cls.enterClassContext(Broker())
        for bootstrap in [cls.kafka, cls.broker.bootstrap]:
            ottla("topic", "create", "orders", "-p", 3, "-b", bootstrap)
            ottla("topic", "create", "others", "-b", bootstrap)
            ottla("produce", "orders", "-p", 1, "-b", bootstrap, input="x" * 1000 + "\n")

    def kafkas_tool(self, bootstrap, *args):
        said = kafka_run("org.apache.kafka.tools.LogDirsCommand", "--bootstrap-server", bootstrap, "--describe", *args).stdout
        return json.loads(next(line for line in said.splitlines() if line.startswith("{")))["brokers"]

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
                said = self.in_order(self.kafkas_tool(bootstrap, *kafkas))
                self.assertEqual(said, self.in_order(self.ours(bootstrap, *ours)), bootstrap)
                partitions = [p["partition"] for p in said[0]["logDirs"][0]["partitions"]]
                self.assertEqual(partitions, ["orders-0", "orders-1", "orders-2"] + ([] if kafkas else ["others-0"]))

    def test_both_brokers_say_the_same_of_the_same_topic(self):
        kafkas, ours = ([p for p in self.kafkas_tool(bootstrap, "--topic-list", "orders")[0]["logDirs"][0]["partitions"]]
                        for bootstrap in [self.kafka, self.broker.bootstrap])
        self.assertEqual(sorted(kafkas, key=str), sorted(ours, key=str))

    def test_the_room_is_that_of_the_disk(self):
        for bootstrap in [self.kafka, self.broker.bootstrap]:
            directory, = json.loads(ottla("logdirs", "-o", "json", "-b", bootstrap).stdout)[0]["directories"]
            disk = os.statvfs(directory["path"])
            self.assertEqual(directory["total_bytes"], disk.f_blocks * disk.f_frsize)
            self.assertLess(abs(directory["usable_bytes"] - disk.f_bavail * disk.f_frsize), 1 << 30)


if __name__ == "__main__":
    main()
