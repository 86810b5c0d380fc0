#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random workloads leave directories behind: rolls, compaction, retention, deleted records, kills. Apache Kafka's dump tool finds
nothing wrong in them, with every one of its checks, and ours prints what it prints. $OTTLA_DUMP_SEED repeats a run."""
import glob
import os
import random
import re
import unittest

from harness import Broker, kafka_run, kafka_setup, main, ottla

DUMP = "org.apache.kafka.tools.DumpLogSegments"
ROUNDS = 6 if os.environ.get("OTTLA_FULL") else 1
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
SETTINGS = ["log.cleaner.backoff.ms=100", "log.retention.check.interval.ms=100", "log.flush.start.offset.checkpoint.interval.ms=200"]
# Of a log that begins behind 0, or has gaps, the tool says so; everything else is a complaint.
COMPLAINTS = re.compile(r"Mismatches|mismatch|not found|out of order|sanity check failed|Exception|Error|isvalid: false|Index offset")


class Workload:
    def __init__(self, broker, chance):
        self.broker, self.chance, self.topics = broker, chance, {}
        for i in range(3):
            self.create(f"random-{i}")

    def create(self, topic):
        policy = self.chance.choice(["delete", "compact", "compact,delete"])
        settings = [f"cleanup.policy={policy}", f"internal.segment.bytes={self.chance.choice([20000, 50000, 100000])}",
                    f"index.interval.bytes={self.chance.choice([0, 100, 1000, 4096])}", "min.cleanable.dirty.ratio=0.01", "file.delete.delay.ms=0",
                    f"message.timestamp.type={self.chance.choice(['CreateTime', 'LogAppendTime'])}",
                    f"compression.type={self.chance.choice(['producer', 'producer', *CODECS[1:]]).replace('none', 'uncompressed')}",
                    f"preallocate={self.chance.choice(['false', 'false', 'true'])}"]
        if "delete" in policy and self.chance.randrange(2):
            settings.append(f"retention.bytes={self.chance.choice([30000, 100000])}")
        ottla("topic", "create", topic, "-p", 2, *(word for one in settings for word in ("-c", one)), "-b", self.broker.bootstrap)
        self.topics[topic] = policy

    def step(self):
        what, topic = self.chance.choice(["produce"] * 6 + ["delete", "kill", "stop"]), self.chance.choice(sorted(self.topics))
        if what == "produce":
            lines = "".join(f"key{self.chance.randrange(50)}:{self.value()}\n" for _ in range(self.chance.randrange(10, 1500)))
            ottla("produce", topic, "-k", ":", "-Z", "-z", self.chance.choice(CODECS), "-X", f"batch.num.messages={self.chance.choice([1, 5, 20, 100])}",
                  "-b", self.broker.bootstrap, input=lines)
        elif what == "delete" and "delete" in self.topics[topic]:
            ottla("topic", "delete-records", f"{topic}:0:{self.chance.randrange(1, 300)}", "-b", self.broker.bootstrap, check=False)
        elif what in ("kill", "stop"):
            self.broker.kill() if what == "kill" else self.broker.stop()
            self.broker.start()

    def value(self):
        return "" if self.chance.randrange(10) == 0 else self.chance.randbytes(self.chance.randrange(60)).hex()


class KafkaDumpsOurs(unittest.TestCase):
    def test_what_random_workloads_left(self):
        kafka_setup()
        for _ in range(ROUNDS):
            seed = int(os.environ.get("OTTLA_DUMP_SEED", random.randrange(1 << 30)))
            print(f"NOTE OTTLA_DUMP_SEED={seed}", flush=True)
            chance = random.Random(seed)
            with self.subTest(seed=seed), Broker(*(word for one in SETTINGS for word in ("-c", one))) as broker:
                workload = Workload(broker, chance)
                for _ in range(chance.randrange(20, 40)):
                    workload.step()
                broker.kill() if chance.randrange(2) else broker.stop()
                # What a kill left is mended by the next start.
                broker.start()
                broker.stop()
                self.check(broker.data)
                broker.start()

    def check(self, data):
        self.assertEqual(ottla("log", "verify", data, check=False).stdout.splitlines()[:-1], [])
        named = lambda suffix: sorted(glob.glob(os.path.join(data, "random-*", "*." + suffix)))
        logs, indexes, snapshots = named("log"), named("index") + named("timeindex"), named("snapshot")
        self.assertGreater(len(logs), 6)
        print(f"NOTE {len(logs)} segments, {len(indexes)} indexes, {len(snapshots)} snapshots", flush=True)
        for files, asked in [(logs + indexes + snapshots, ["--deep-iteration"]), (logs, ["--deep-iteration", "--print-data-log"]),
                             (indexes, ["--index-sanity-check"]), (indexes, ["--verify-index-only"])]:
            words = [*asked, "--files", ",".join(files)]
            kafkas, ours = kafka_run(DUMP, *words, timeout=200), ottla("log", "dump", *words, timeout=200)
            self.assertEqual([line for line in (kafkas.stdout + kafkas.stderr).splitlines() if COMPLAINTS.search(line)], [], asked)
            # Its findings of several files come in the order of a hash table.
            first, second = ([line for line in of.stdout.splitlines() if not re.match(r"Non-consecutive|  \d+ is followed", line)] for of in (kafkas, ours))
            for line, (kafka, our) in enumerate(zip(first, second)):
                self.assertEqual(kafka, our, f"{asked}, line {line}")
            self.assertEqual(len(first), len(second), asked)


if __name__ == "__main__":
    main()
