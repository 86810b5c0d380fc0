#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots of the metadata log: Apache Kafka reads ours, we start on its, and it starts on ours."""
import glob
import json
import os
import re
import unittest

from harness import Broker, KafkaNode, eventually, kafka_run, kafka_setup, main, ottla

DUMP = "org.apache.kafka.tools.DumpLogSegments"
CLUSTER_METADATA = "__cluster_metadata-0"


def checkpoints(data):
    return sorted(glob.glob(os.path.join(data, CLUSTER_METADATA, "*.checkpoint")))


def records(dumped):
    return [json.loads(payload) for payload in re.findall(r"payload: ?(\{.*\})$", dumped, re.MULTILINE)]


class MetadataSnapshots(unittest.TestCase):
    def test_kafkas_dump_tool_reads_our_snapshots_as_ours_does(self):
        kafka_setup()
        with Broker("-c", "metadata.log.max.record.bytes.between.snapshots=2000") as broker:
            for i in range(12):
                ottla("topic", "create", f"topic-{i}", "-p", 3, "-c", "retention.ms=1000", "-b", broker.bootstrap)
            broker.stop()
            written = checkpoints(broker.data)
            self.assertTrue(written)
            for path in written:
                asked = ["--cluster-metadata-decoder", "--files", path]
                kafkas = kafka_run(DUMP, *asked).stdout
                self.assertEqual(ottla("log", "dump", *asked).stdout, kafkas)
                self.assertIn("SnapshotHeader", kafkas)
                self.assertIn("SnapshotFooter", kafkas)
                self.assertEqual(records(kafkas)[0]["data"]["name"], "metadata.version")
            broker.start()
            self.assertEqual(set(ottla("topic", "list", "-b", broker.bootstrap).stdout.split()), {f"topic-{i}" for i in range(12)})

    def test_we_start_on_kafkas_and_kafka_on_ours(self):
        kafka = KafkaNode("metadata.log.max.record.bytes.between.snapshots=1500", "metadata.log.max.snapshot.interval.ms=2000")
        try:
            kafka.up()
            for i in range(5):
                ottla("topic", "create", f"theirs-{i}", "-p", 2, "-c", "retention.ms=5000", "-b", kafka.bootstrap)
            for setting in ["SCRAM-SHA-256=[password=secret]", "consumer_byte_rate=1000"]:
                kafka_run("kafka.admin.ConfigCommand", "--bootstrap-server", kafka.bootstrap, "--alter", "--entity-type", "users", "--entity-name",
                          "alice", "--add-config", setting)
            eventually(lambda: self.assertIn("consumer_byte_rate", ottla("log", "dump", "--cluster-metadata-decoder", "--files", checkpoints(kafka.data)[-1]).stdout))
            kafka.down()
            # What lies below Kafka's latest snapshot is nowhere else.
            theirs = records(ottla("log", "dump", "--cluster-metadata-decoder", "--files", checkpoints(kafka.data)[-1]).stdout)
            with Broker("-c", "metadata.log.max.record.bytes.between.snapshots=1", data=kafka.data) as broker:
                self.assertEqual({t for t in ottla("topic", "list", "-b", broker.bootstrap).stdout.split() if t.startswith("theirs")},
                                 {f"theirs-{i}" for i in range(5)})
                ottla("topic", "create", "ours", "-b", broker.bootstrap)
                broker.stop()
                ours = records(ottla("log", "dump", "--cluster-metadata-decoder", "--files", checkpoints(kafka.data)[-1]).stdout)
                lasting = {"FEATURE_LEVEL_RECORD", "TOPIC_RECORD", "CONFIG_RECORD", "USER_SCRAM_CREDENTIAL_RECORD", "CLIENT_QUOTA_RECORD"}
                said = [json.dumps(r, sort_keys=True) for r in ours]
                for record in theirs:
                    if record["type"] in lasting:
                        self.assertIn(json.dumps(record, sort_keys=True), said)
                broker.start()
            kafka.up()
            listed = ottla("topic", "list", "-b", kafka.bootstrap).stdout.split()
            for topic in ["ours", *(f"theirs-{i}" for i in range(5))]:
                self.assertIn(topic, listed)
            described = kafka_run("kafka.admin.ConfigCommand", "--bootstrap-server", kafka.bootstrap, "--describe", "--entity-type", "users",
                                  "--entity-name", "alice").stdout
            self.assertIn("SCRAM-SHA-256", described)
            self.assertIn("consumer_byte_rate=1000", described)
        finally:
            kafka.remove()


if __name__ == "__main__":
    main()
