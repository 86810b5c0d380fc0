#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Directories change hands: an Apache Kafka 4.3.1 broker starts on partition directories that we wrote, we start on a whole data
directory that it wrote, and it starts on that again after we worked in it; after stops in order and after SIGKILL. Each serves
every record and every offset by time that the other served, to readers of committed and of all records."""
import contextlib
import glob
import json
import os
import pathlib
import random
import shutil
import signal
import unittest

from harness import Broker, KafkaNode, eventually, librdkafka_python, main, ottla, run

FULL = bool(os.environ.get("OTTLA_FULL"))
SMALL = ["internal.segment.bytes=20000", "index.interval.bytes=500"]
COMPACTED = [*SMALL, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0.01", "file.delete.delay.ms=100"]
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]

# Transactions that commit, abort, overlap, and one that never ends; a group that commits offsets.
TRANSACTIONS = r"""
import random, sys
from confluent_kafka import Consumer, Producer, TopicPartition
bootstrap, count, chance = sys.argv[1], int(sys.argv[2]), random.Random(11)
def producer(name):
    p = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "linger.ms": 1, "transaction.timeout.ms": 600000})
    p.init_transactions(30)
    return p
def send(p, name):
    for topic in ["txn", "txn-compacted"]:
        for i in range(chance.randrange(1, 12)):
            p.produce(topic, partition=chance.randrange(2), key="key%d" % chance.randrange(20), value="%s %d " % (name, i) + "x" * chance.randrange(300))
    assert p.flush(30) == 0
producers = {name: producer(name) for name in ["one", "two", "three"]}
for step in range(count):
    name, other = chance.sample(sorted(producers), 2)
    for n in (name, other): producers[n].begin_transaction()
    for n in (name, other, name): send(producers[n], "%s-%d" % (n, step))
    for n in chance.sample([name, other], 2):
        (producers[n].abort_transaction if chance.randrange(2) else producers[n].commit_transaction)(30)
plain = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
send(plain, "idempotent")
c = Consumer({"bootstrap.servers": bootstrap, "group.id": "readers", "enable.auto.commit": False})
c.commit(offsets=[TopicPartition("txn", 0, 5), TopicPartition("txn", 1, 7)], asynchronous=False)
c.close()
if len(sys.argv) > 3:
    hanging = producer("hanging")
    hanging.begin_transaction()
    hanging.produce("txn", partition=1, key="never", value="committed")
    assert hanging.flush(30) == 0
    import os; os._exit(0)
"""


def create(bootstrap, topic, settings, partitions=1):
    ottla("topic", "create", topic, "-p", partitions, *(word for one in settings for word in ("-c", one)), "-b", bootstrap)


def produce(bootstrap, topic, count, codec, seed, tombstones=False):
    """Keyed lines in batches of some twenty. Each tenth key comes once, so that compaction leaves some of them everywhere: a
    segment without any records has the time of its file for Kafka, which may be any."""
    chance = random.Random(seed)
    lines = []
    for i in range(count):
        key = f"key{chance.randrange(30)}" if i % 10 else f"once-{seed}-{i}"
        value = "" if tombstones and i % 10 == 7 else f"{seed} {i} " + chance.randbytes(chance.randrange(60)).hex()
        lines.append(f"{key}:{value}\n")
    ottla("produce", topic, "-k", ":", "-Z", "-H", f"codec={codec}", "-z", codec, "-X", "batch.num.messages=20", "-b", bootstrap, input="".join(lines))


def records(bootstrap, topic, isolation):
    """All there are, by partition and offset; kcat checks their checksums."""
    said = run(["kcat", "-C", "-q", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-J", "-X", f"isolation.level={isolation}",
                "-X", "check.crcs=true"], timeout=120).stdout
    there = [json.loads(line) for line in said.splitlines()]
    return sorted((r["partition"], r["offset"], r["ts"], r["tstype"], r["key"], r["payload"], tuple(r.get("headers", []))) for r in there)


def offsets_by_time(bootstrap, topic, times):
    found = {}
    for time in times:
        answer, = json.loads(ottla("topic", "offsets", topic, "--time", time, "-o", "json", "-b", bootstrap).stdout)
        found[time] = [(p["partition"], p["offset"], p["timestamp"], p["error"]) for p in answer["partitions"]]
    return found


def served(bootstrap, topics):
    """What a broker tells of each topic."""
    all_of_it = {}
    for topic in topics:
        described, = json.loads(ottla("topic", "describe", topic, "-o", "json", "-b", bootstrap).stdout)
        everything = records(bootstrap, topic, "read_uncommitted")
        stamps = sorted({r[2] for r in everything})
        if topic == "shortened":  # Kafka stops looking at a segment of which nothing above the log's start is that young.
            partitions = {r[0] for r in everything}
            stamps = [s for s in stamps if all(s >= min(r[2] for r in everything if r[0] == p) for p in partitions)]
        # Kafka also tells of a largest timestamp below the log's start.
        times = {"earliest", "latest"} | ({"max-timestamp"} if topic != "shortened" else set())
        for i in range(0, len(stamps), max(1, len(stamps) // (60 if FULL else 8))):
            times |= {stamps[i], stamps[i] + 1}
        times |= {stamps[-1], stamps[-1] + 1} if stamps else set()
        all_of_it[topic] = {
            "ends": [(p["partition"], p["start_offset"], p["end_offset"]) for p in described["partitions"]],
            "records": everything,
            "committed": records(bootstrap, topic, "read_committed"),
            "by time": offsets_by_time(bootstrap, topic, sorted(times, key=str)),
        }
    return all_of_it


def topic_ids(bootstrap):
    return {t["name"]: t["id"] for t in json.loads(ottla("topic", "list", "-o", "json", "-b", bootstrap).stdout)}


def starts_at(data, topic, partition, offset):
    """So says the checkpoint, which Kafka writes from time to time; before, a kill takes it back."""
    lines = pathlib.Path(data, "log-start-offset-checkpoint").read_text().splitlines()[2:]
    assert f"{topic} {partition} {offset}" in lines, lines


def compacted_to_the_active_segment(data, *names):
    """Nothing is left to do for a cleaner, so that what one broker serves the next one does."""
    lines = pathlib.Path(data, "cleaner-offset-checkpoint").read_text().splitlines()[2:] if os.path.exists(os.path.join(data, "cleaner-offset-checkpoint")) else []
    done = {f"{t}-{p}": int(offset) for t, p, offset in (line.split() for line in lines)}
    for name in names:
        active = max(int(os.path.basename(f)[:20]) for f in glob.glob(os.path.join(data, name, "*.log")))
        assert done.get(name) == active, (name, done, active)


class Handover(unittest.TestCase):
    maxDiff = 2000

    def check_alike(self, was, now):
        self.assertEqual(set(was), set(now))
        for topic in was:
            for what in was[topic]:
                if what == "by time" and topic.endswith("compacted"):
                    self.check_times(topic, was[topic], now[topic])
                else:
                    self.assertEqual(was[topic][what], now[topic][what], f"{topic}: {what}")

    def check_times(self, topic, was, now):
        """One of both may find nothing where the other finds the record that it is: Kafka looks no further than a segment
        whose youngest time is of a batch that compaction has emptied; whether it knows that time depends on who built the index."""
        self.assertEqual(set(was["by time"]), set(now["by time"]), topic)
        for time, before in was["by time"].items():
            for one, other in zip(before, now["by time"][time], strict=True):
                if one == other:
                    continue
                found = other if one[1:] == (None, None, None) else one
                self.assertEqual({one, other}, {found, (found[0], None, None, None)}, f"{topic} at {time}")
                first = min((r for r in now["records"] if r[0] == found[0] and r[2] >= time), key=lambda r: r[1])
                self.assertEqual((first[1], first[2]), found[1:3], f"{topic} at {time}")

    @contextlib.contextmanager
    def kafka(self, *lines, **how):
        node = KafkaNode("log.cleaner.backoff.ms=200", "log.flush.start.offset.checkpoint.interval.ms=200", "log.initial.task.delay.ms=200", *lines, **how)
        try:
            yield node
        except BaseException:
            print(pathlib.Path(node.log).read_text()[-6000:] if os.path.exists(node.log) else "")
            raise
        finally:
            node.remove()


class KafkaOpensOurs(Handover):
    TOPICS = {"plain": (SMALL, 3), "stamped": ([*SMALL, "message.timestamp.type=LogAppendTime"], 1), "compacted": (COMPACTED, 1),
              "shortened": (SMALL, 2), "empty": ([], 1)}

    def fill(self, broker):
        at = broker.bootstrap
        for topic, (settings, partitions) in self.TOPICS.items():
            create(at, topic, settings, partitions)
        for i, codec in enumerate(CODECS * (4 if FULL else 1)):
            produce(at, "plain", 600, codec, i)
            produce(at, "compacted", 800, codec, i, tombstones=True)
            produce(at, "shortened", 400, codec, i)
            produce(at, "stamped", 300, codec, i)
            if i == 2:
                broker.kill()
                broker.start()
        ottla("topic", "delete-records", "shortened:0:301", "shortened:1:end", "-b", at)
        eventually(lambda: compacted_to_the_active_segment(broker.data, "compacted-0"), 60)

    def hand_over(self, broker, killed, node):
        """Our directories under topics that Kafka made, whose ids they get."""
        node.up()
        for topic, (settings, partitions) in self.TOPICS.items():
            create(node.bootstrap, topic, settings, partitions)
        eventually(lambda: self.assertLessEqual(set(self.TOPICS), set(topic_ids(node.bootstrap))))
        ids = topic_ids(node.bootstrap)
        node.down(signal.SIGKILL if killed else signal.SIGTERM)
        for topic, (_, partitions) in self.TOPICS.items():
            for p in range(partitions):
                to = os.path.join(node.data, f"{topic}-{p}")
                shutil.rmtree(to)
                shutil.copytree(os.path.join(broker.data, f"{topic}-{p}"), to)
                pathlib.Path(to, "partition.metadata").write_text(f"version: 0\ntopic_id: {ids[topic]}")
        for name in ["log-start-offset-checkpoint", "cleaner-offset-checkpoint"]:
            shutil.copy(os.path.join(broker.data, name), os.path.join(node.data, name))

    def check(self, killed):
        with Broker("-c", "log.cleaner.backoff.ms=200", "-c", "log.flush.start.offset.checkpoint.interval.ms=200") as broker, self.kafka() as node:
            self.fill(broker)
            was = served(broker.bootstrap, self.TOPICS)
            self.assertGreater(len(glob.glob(os.path.join(broker.data, "plain-0", "*.log"))), 2)
            self.assertGreater(was["shortened"]["ends"][0][1], 300)
            broker.kill() if killed else broker.stop()
            self.hand_over(broker, killed, node)
            node.up()
            self.check_alike(was, served(node.bootstrap, self.TOPICS))
            # It goes on from there, and so do we from what it wrote.
            for topic in ["plain", "compacted", "shortened"]:
                produce(node.bootstrap, topic, 200, "lz4", 99)
            eventually(lambda: compacted_to_the_active_segment(node.data, "compacted-0"), 60)
            was = served(node.bootstrap, self.TOPICS)
            node.down(signal.SIGKILL if killed else signal.SIGTERM)
            with Broker(data=node.data) as ours:
                self.check_alike(was, served(ours.bootstrap, self.TOPICS))
            if not killed:
                broker.start()

    if FULL:
        def test_after_a_stop_in_order(self):
            self.check(killed=False)

    def test_after_sigkill(self):
        self.check(killed=True)


class WeOpenKafkas(Handover):
    TOPICS = {"plain": (SMALL, 3), "compacted": (COMPACTED, 1), "txn": (SMALL, 2), "txn-compacted": (COMPACTED, 2), "shortened": (SMALL, 1),
              "stamped": (["message.timestamp.type=LogAppendTime"], 1)}
    INTERNAL = ["__consumer_offsets", "__transaction_state"]
    COMPACTED_ONES = ["compacted-0", "txn-compacted-0", "txn-compacted-1"]

    def fill(self, node, hanging):
        at = node.bootstrap
        for topic, (settings, partitions) in self.TOPICS.items():
            create(at, topic, settings, partitions)
        for i, codec in enumerate(CODECS):
            produce(at, "plain", 400, codec, i)
            produce(at, "compacted", 800, codec, i, tombstones=True)
            produce(at, "shortened", 400, codec, i)
            produce(at, "stamped", 50, codec, i)
        run([librdkafka_python(), "-", at, "150" if FULL else "40", *(["hanging"] if hanging else [])], input=TRANSACTIONS, timeout=300)
        ottla("topic", "delete-records", "shortened:0:999", "-b", at)
        eventually(lambda: compacted_to_the_active_segment(node.data, *self.COMPACTED_ONES), 60)
        eventually(lambda: starts_at(node.data, "shortened", 0, 999))

    def check(self, killed, standalone):
        topics = [*self.TOPICS, *self.INTERNAL]
        with self.kafka("offsets.topic.num.partitions=3", "transaction.state.log.num.partitions=3", standalone=standalone) as node:
            node.up()
            self.fill(node, hanging=killed)
            was = served(node.bootstrap, topics)
            self.assertLess(len(was["txn"]["committed"]), len(was["txn"]["records"]))
            self.assertGreater(len(was["txn"]["committed"]), 50)
            node.down(signal.SIGKILL if killed else signal.SIGTERM)
            if killed:  # What we build ourselves then goes back to Kafka.
                for name in glob.glob(os.path.join(node.data, "txn-*", "*")):
                    if not name.endswith((".log", "partition.metadata")):
                        os.unlink(name)
                for name in ["recovery-point-offset-checkpoint"]:
                    os.unlink(os.path.join(node.data, name))
            with Broker("-c", "log.cleaner.backoff.ms=200", data=node.data) as ours:
                self.check_alike(was, served(ours.bootstrap, topics))
                for topic, codec in [("plain", "zstd"), ("compacted", "lz4"), ("txn", "none"), ("txn-compacted", "gzip")]:
                    produce(ours.bootstrap, topic, 700, codec, 77, tombstones=True)
                eventually(lambda: compacted_to_the_active_segment(node.data, *self.COMPACTED_ONES), 60)
                was = served(ours.bootstrap, topics)
                if killed:
                    ours.kill()
                    ours.start()
                    self.check_alike(was, served(ours.bootstrap, topics))
                    ours.kill()
                else:
                    ours.stop()
                node.up()
                self.check_alike(was, served(node.bootstrap, topics))
                node.down()
                ours.start()
                self.check_alike({t: was[t] for t in self.TOPICS}, served(ours.bootstrap, self.TOPICS))

    def test_after_a_stop_in_order(self):
        self.check(killed=False, standalone=False)

    if FULL:
        def test_after_sigkill_of_one_whose_voters_stand_in_its_log(self):
            self.check(killed=True, standalone=True)


if __name__ == "__main__":
    main()
