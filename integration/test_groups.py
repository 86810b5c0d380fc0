#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Consumer groups of kcat, librdkafka and Apache Kafka's Java client on our broker: what they read, where they go on, and how they
share, over restarts and kills of the broker."""
import json
import subprocess
import unittest

from harness import Broker, kafka_run, kafka_setup, librdkafka_python, main, ottla, run

CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"

# Members of one group, in one process: each line asks for something, each answer is a line.
MEMBERS = r"""
import json, sys, time
from confluent_kafka import Consumer, KafkaException, TopicPartition

bootstrap, members = sys.argv[1], {}

def poll(seconds, wanted=None):
    # With `wanted`: until so many are here, then for `seconds` more, should one come twice.
    seen = {name: [] for name in members}
    ends = time.monotonic() + (30 if wanted else seconds)
    while time.monotonic() < ends:
        for name, c in members.items():
            m = c.poll(0.02)
            if m is not None and not m.error(): seen[name].append(int(m.value()))
        if wanted and sum(map(len, seen.values())) >= wanted: wanted, ends = None, time.monotonic() + seconds
    return seen

def owned(c): return sorted(t.partition for t in c.assignment())

def settled(partitions, seconds=30):
    # Until every partition has one owner; what was read meanwhile.
    deadline, seen = time.monotonic() + seconds, {name: [] for name in members}
    while time.monotonic() < deadline:
        for name, values in poll(0.2).items(): seen[name] += values
        if sorted(p for c in members.values() for p in owned(c)) == list(range(partitions)) and all(owned(c) for c in members.values()):
            return {"owned": {n: owned(c) for n, c in members.items()}, "seen": seen}
    raise SystemExit(f"no balance: {[owned(c) for c in members.values()]}")

for line in sys.stdin:
    ask = json.loads(line)
    if ask["do"] == "join":
        settings = {"bootstrap.servers": bootstrap, "auto.offset.reset": "earliest", "enable.auto.commit": False, "session.timeout.ms": 6000,
                    "heartbeat.interval.ms": 500, **ask["settings"]}
        settings = {name: value for name, value in settings.items() if value is not None}
        members[ask["name"]] = Consumer(settings)
        members[ask["name"]].subscribe([ask["topic"]])
        answer = {}
    elif ask["do"] == "settle": answer = settled(ask["partitions"])
    elif ask["do"] == "poll": answer = poll(0.5, ask["wanted"])
    elif ask["do"] == "commit": answer = [[t.partition, t.offset] for t in members[ask["name"]].commit(asynchronous=False)]
    elif ask["do"] == "leave":
        members.pop(ask["name"]).close()
        answer = {}
    print(json.dumps(answer), flush=True)
"""


class Members:
    def __init__(self, broker):
        self.process = subprocess.Popen([librdkafka_python(), "-c", MEMBERS, broker.bootstrap], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, do, **rest):
        self.process.stdin.write(json.dumps(dict(do=do, **rest)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{do}: the members ended"
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def produce(broker, topic, values):
    ottla("produce", topic, "-b", broker.bootstrap, "-X", "partitioner=random", "-X", "sticky.partitioning.linger.ms=0",
          input="".join(f"{v}\n" for v in values))


def kcat(broker, group, topic, *words):
    done = run(["kcat", "-b", broker.bootstrap, "-G", group, "-e", "-q", "-X", "auto.offset.reset=earliest", *words, topic], timeout=60)
    return sorted(int(line) for line in done.stdout.split())


def java(broker, group, topic, *words):
    done = kafka_run(CONSOLE, "--bootstrap-server", broker.bootstrap, "--topic", topic, "--group", group, "--from-beginning", "--timeout-ms",
                     4000, *words, timeout=120)
    return sorted(int(line) for line in done.stdout.split() if line.isdigit())


class Groups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker())

    def topic(self, name, partitions=4):
        ottla("topic", "create", name, "-p", partitions, "-b", self.broker.bootstrap)
        return name

    def test_kcat_goes_on_where_it_ended(self):
        topic = self.topic("kcat")
        produce(self.broker, topic, range(500))
        self.assertEqual(kcat(self.broker, "g-kcat", topic), list(range(500)))
        produce(self.broker, topic, range(500, 600))
        self.assertEqual(kcat(self.broker, "g-kcat", topic), list(range(500, 600)))
        self.assertEqual(kcat(self.broker, "g-kcat", topic), [])

    def test_javas_client_and_librdkafka_take_over_from_each_other_through_a_kill(self):
        kafka_setup()
        topic = self.topic("handover")
        produce(self.broker, topic, range(300))
        self.assertEqual(java(self.broker, "g-both", topic), list(range(300)))
        produce(self.broker, topic, range(300, 400))
        self.broker.kill()
        self.broker.start()
        self.assertEqual(kcat(self.broker, "g-both", topic), list(range(300, 400)))
        produce(self.broker, topic, range(400, 500))
        self.broker.kill()
        self.broker.start()
        self.assertEqual(java(self.broker, "g-both", topic), list(range(400, 500)))

    def share(self, strategy):
        topic = self.topic(f"share-{strategy}", 6)
        settings = {"group.id": f"g-{strategy}", "partition.assignment.strategy": strategy}
        with Members(self.broker) as members:
            for name in ("a", "b"):
                members.ask("join", name=name, topic=topic, settings=settings)
            two = members.ask("settle", partitions=6)["owned"]
            self.assertEqual({len(p) for p in two.values()}, {3})
            members.ask("join", name="c", topic=topic, settings=settings)
            three = members.ask("settle", partitions=6)["owned"]
            self.assertEqual({len(p) for p in three.values()}, {2})
            produce(self.broker, topic, range(600))
            seen = members.ask("poll", wanted=600)
            self.assertEqual(sorted(v for values in seen.values() for v in values), list(range(600)))
            for name in ("a", "b", "c"):
                members.ask("commit", name=name)
            # The broker dies: they go on with what they have, in the same generation or the next.
            self.broker.kill()
            self.broker.start()
            members.ask("leave", name="b")
            again = members.ask("settle", partitions=6)
            self.assertEqual({len(p) for p in again["owned"].values()}, {3})
            self.assertEqual([v for values in again["seen"].values() for v in values], [])
            produce(self.broker, topic, range(600, 700))
            seen = members.ask("poll", wanted=100)
            self.assertEqual(sorted(v for values in seen.values() for v in values), list(range(600, 700)))

    def test_members_share_by_range(self):
        self.share("range")

    def test_members_share_cooperatively(self):
        self.share("cooperative-sticky")

    def test_a_static_member_comes_back_to_its_partitions(self):
        topic = self.topic("static", 4)
        settings = {"group.id": "g-static", "partition.assignment.strategy": "range", "session.timeout.ms": 30000}
        with Members(self.broker) as members:
            for name in ("a", "b"):
                members.ask("join", name=name, topic=topic, settings=dict(settings, **{"group.instance.id": name}))
            before = members.ask("settle", partitions=4)["owned"]
            members.ask("leave", name="b")  # a static member does not say so to the group
            members.ask("join", name="b", topic=topic, settings=dict(settings, **{"group.instance.id": "b"}))
            self.assertEqual(members.ask("settle", partitions=4)["owned"], before)


if __name__ == "__main__":
    main()
