#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups of mixed makes: our consumer with kcat, librdkafka, Apache Kafka's Java client and kafkajs in one classic group, on our broker and,
in the full run, on Apache Kafka 4.3.1, while somebody writes. Members are killed and the others go on; committed offsets pass from make to make. The
strategies are tried side by side, since most of it is waiting for sessions to end."""
import collections
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest

from harness import KAFKA, Broker, RegistryOutOfReach, apache_kafka, create_topic, eventually, kafka_env, kafka_setup, kafkajs_modules, \
    librdkafka_python, main, ottla, program

PARTITIONS = 6
# Sessions short enough for a test; what is given for brokers allows them.
BROKER = ["group.min.session.timeout.ms=1000", "group.initial.rebalance.delay.ms=0"]
LIBRDKAFKA = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 300, "auto.commit.interval.ms": 200, "auto.offset.reset": "earliest"}
JAVA_ASSIGNORS = {name: f"org.apache.kafka.clients.consumer.{java}Assignor"
                  for name, java in [("range", "Range"), ("roundrobin", "RoundRobin"), ("cooperative-sticky", "CooperativeSticky")]}

LIBRDKAFKA_MEMBER = r"""
import json, signal, sys
from confluent_kafka import Consumer
goes_on = True
def end(*_):
    global goes_on
    goes_on = False
signal.signal(signal.SIGTERM, end)
c = Consumer(json.loads(sys.argv[1]))
c.subscribe([sys.argv[2]])
while goes_on:
    m = c.poll(0.1)
    if m is not None and not m.error(): print(m.partition(), m.offset(), m.value().decode(), flush=True)
c.close()
"""

# kafkajs calls its strategies by names of its own; so that it can share groups, it gets one of the common name.
KAFKAJS_MEMBER = r"""
const { Kafka, AssignerProtocol: { MemberMetadata, MemberAssignment }, logLevel } = require('kafkajs');
const [bootstrap, group, topic] = process.argv.slice(1);
const roundrobin = ({ cluster }) => ({
  name: 'roundrobin', version: 0,
  async assign({ members, topics }) {
    const ids = members.map(m => m.memberId).sort(), dealt = new Map(ids.map(id => [id, {}]));
    let turn = 0;
    for (const name of [...topics].sort())
      for (const { partitionId } of cluster.findTopicPartitionMetadata(name).sort((a, b) => a.partitionId - b.partitionId)) {
        const mine = dealt.get(ids[turn++ % ids.length]);
        (mine[name] = mine[name] || []).push(partitionId);
      }
    return ids.map(memberId => ({ memberId, memberAssignment: MemberAssignment.encode({ version: 0, assignment: dealt.get(memberId), userData: Buffer.alloc(0) }) }));
  },
  protocol: ({ topics }) => ({ name: 'roundrobin', metadata: MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }) }),
});
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, retries: 20 } });
const consumer = kafka.consumer({ groupId: group, sessionTimeout: 3000, heartbeatInterval: 300, rebalanceTimeout: 10000, maxWaitTimeInMs: 200,
                                  partitionAssigners: [roundrobin] });
process.on('SIGTERM', () => consumer.disconnect().then(() => process.exit(0)));
(async () => {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommitInterval: 200,
                       eachMessage: async ({ partition, message }) => console.log(`${partition} ${message.offset} ${message.value}`) });
})();
"""


def librdkafka_settings(bootstrap, group, strategy):
    return {"bootstrap.servers": bootstrap, "group.id": group, "partition.assignment.strategy": strategy, **LIBRDKAFKA}


def words(settings):
    return [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]


def our_member(bootstrap, group, topic, strategy):
    settings = dict(LIBRDKAFKA, **{"partition.assignment.strategy": strategy})
    del settings["auto.offset.reset"]
    return [program("ottla"), "consume", topic, "-b", bootstrap, "-g", group, "-O", "start", "-f", "%p %o %v\n", *words(settings)], None


def kcat_member(bootstrap, group, topic, strategy):
    settings = librdkafka_settings(bootstrap, group, strategy)
    del settings["group.id"], settings["bootstrap.servers"]
    return ["kcat", "-b", bootstrap, "-G", group, "-u", "-q", "-f", "%p %o %s\n", *words(settings), topic], None


def librdkafka_member(bootstrap, group, topic, strategy):
    return [librdkafka_python(), "-c", LIBRDKAFKA_MEMBER, json.dumps(librdkafka_settings(bootstrap, group, strategy)), topic], None


def java_member(bootstrap, group, topic, strategy):
    settings = {"partition.assignment.strategy": JAVA_ASSIGNORS[strategy], "session.timeout.ms": 3000, "heartbeat.interval.ms": 300,
                "auto.commit.interval.ms": 200, "auto.offset.reset": "earliest"}
    properties = [word for name, value in settings.items() for word in ("--command-property", f"{name}={value}")]
    shown = [word for what in ("partition", "offset", "value") for word in ("--formatter-property", f"print.{what}=true")]
    return [KAFKA, "run", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic, "--group", group,
            *properties, *shown], dict(kafka_env(), JVM="-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


def kafkajs_member(bootstrap, group, topic, strategy):
    assert strategy == "roundrobin"
    return ["node", "-e", KAFKAJS_MEMBER, bootstrap, group, topic], dict(os.environ, NODE_PATH=kafkajs_modules())


class Member:
    """A process that prints partition, offset and value of what it reads."""

    def __init__(self, make, *where):
        args, env = make(*where)
        self.make = make
        self.read = []  # (partition, value), as it came
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()

    def collect(self):
        for line in self.process.stdout:
            if found := re.search(rb"(\d+)\D+(\d+)\D+(\d+)\s*$", line):
                self.read.append((int(found[1]), int(found[3])))

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join(10)
            self.process.stdout.close()


class Writer:
    """Writes numbers, about a hundred a second, until it is ended."""

    def __init__(self, bootstrap, topic):
        self.process = subprocess.Popen([program("ottla"), "produce", topic, "-b", bootstrap, "-X", "partitioner=random", "-X",
                                         "sticky.partitioning.linger.ms=0", "-X", "linger.ms=5"], stdin=subprocess.PIPE)
        self.count = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.write, daemon=True)
        self.thread.start()

    def write(self):
        while not self.ended.wait(0.01):
            self.process.stdin.write(b"%d\n" % self.count)
            self.process.stdin.flush()
            self.count += 1

    def end(self):
        """All is acknowledged."""
        self.ended.set()
        self.thread.join()
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        return self.count


class MixedGroup:
    """One group on one topic, its members and its writer."""

    def __init__(self, bootstrap, name, strategy):
        self.bootstrap, self.group, self.topic, self.strategy = bootstrap, f"g-{name}", f"t-{name}", strategy
        self.members, self.seen = [], collections.Counter()
        create_topic(bootstrap, self.topic, PARTITIONS)
        self.writer = Writer(bootstrap, self.topic)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.writer.ended.set()
        self.writer.process.kill()
        for member in self.members:
            member.end(signal.SIGKILL)

    def ottla(self, *args):
        return json.loads(ottla(*args, "-b", self.bootstrap, "-o", "json").stdout)

    def add(self, *makes):
        for make in makes:
            self.members.append(Member(make, self.bootstrap, self.group, self.topic, self.strategy))

    def drop(self, member, how):
        self.members.remove(member)
        member.end(how)
        self.seen.update(value for _, value in member.read)

    def of(self, make):
        return next(m for m in self.members if m.make is make)

    def assert_settled(self):
        group, = self.ottla("group", "members", self.group)
        assert group["error"] is None and len(group["members"]) == len(self.members), group
        owned = [p for m in group["members"] for a in m["assignment"] for p in a["partitions"]]
        assert sorted(owned) == list(range(PARTITIONS)) and all(m["assignment"] for m in group["members"]), group["members"]

    def settle(self):
        """Until every partition has one owner and everybody has some; from then on each record comes once, and each partition to one."""
        for again in (2, 1, 0):
            eventually(self.assert_settled, seconds=40)
            places = {id(m): len(m.read) for m in self.members}
            first = self.writer.count + 20  # what is on its way may still be of before
            eventually(lambda: self.assert_read(first, first + 80, places), seconds=30)
            owners = self.owners(first, first + 80, places)
            if not owners:
                return
            # On a machine without time to spare a session may have ended once more; two who both think it theirs would stay so.
            assert again, f"{self.group}: {owners}"

    def read_since(self, first, last, places):
        return [(id(m), partition, value) for m in self.members for partition, value in m.read[places[id(m)]:] if first <= value < last]

    def assert_read(self, first, last, places):
        missing = set(range(first, last)) - {value for *_, value in self.read_since(first, last, places)}
        assert not missing, f"{self.group}: not read yet: {sorted(missing)[:10]}"

    def owners(self, first, last, places):
        """What is wrong with who read what; empty when each record came once, and each partition to one member."""
        read = self.read_since(first, last, places)
        owners = {(partition, who) for who, partition, _ in read}
        fine = len(read) == last - first and len(owners) == len({p for p, _ in owners})
        return "" if fine else f"{len(read)} reads of {last - first} records; by partition and member {sorted(owners)}"

    def all_seen(self, count):
        seen = set(self.seen) | {value for m in self.members for _, value in m.read}
        missing = set(range(count)) - seen
        assert not missing, f"{self.group}: never read: {sorted(missing)[:10]}"

    def lag(self):
        group, = self.ottla("group", "offsets", self.group, "--no-times")
        return group["lag"]

    def alone(self, make, first, count):
        """One member in an empty group reads what is new, and nothing else."""
        ottla("produce", self.topic, "-b", self.bootstrap, "-X", "partitioner=random", "-X", "sticky.partitioning.linger.ms=0",
              input="".join(f"{v}\n" for v in range(first, first + count)))
        self.add(make)
        member = self.members[0]

        def all_read():
            assert len(member.read) >= count, (self.group, make.__name__, len(member.read))

        eventually(all_read, seconds=40)
        self.drop(member, signal.SIGTERM)
        assert sorted(value for _, value in member.read) == list(range(first, first + count)), (self.group, make.__name__, member.read)


def take_over(bootstrap, strategy, others, ours=our_member):
    """Ours and others share; ours is killed, then the others are; then each goes on where another make has ended."""
    with MixedGroup(bootstrap, strategy, strategy) as group:
        group.add(ours, *others)
        group.settle()
        group.drop(group.of(ours), signal.SIGKILL)
        group.settle()
        group.add(ours)
        group.settle()
        for other in others:
            group.drop(group.of(other), signal.SIGKILL)
        group.settle()
        count = group.writer.end()
        eventually(lambda: group.all_seen(count), seconds=30)
        group.drop(group.of(ours), signal.SIGTERM)
        assert group.lag() == 0, group.lag()
        for make in (*others, ours):
            group.alone(make, count, 60)
            count += 60
            assert group.lag() == 0, (make.__name__, group.lag())


MIXTURES = {"range": (kcat_member, java_member), "roundrobin": (kcat_member, kafkajs_member), "cooperative-sticky": (librdkafka_member, java_member)}


class MixedGroups(unittest.TestCase):
    def share_on(self, bootstrap, mixtures=MIXTURES):
        kafka_setup()
        librdkafka_python()
        try:
            kafkajs_modules()
        except RegistryOutOfReach:  # which has said so
            mixtures = {strategy: tuple(make for make in others if make is not kafkajs_member) for strategy, others in mixtures.items()}
        with concurrent.futures.ThreadPoolExecutor(len(mixtures)) as pool:
            running = {strategy: pool.submit(take_over, bootstrap, strategy, others) for strategy, others in mixtures.items()}
        for strategy, work in running.items():
            with self.subTest(strategy=strategy):
                work.result()

    def test_on_our_broker(self):
        with Broker(*(word for line in BROKER for word in ("-c", line))) as broker:
            self.share_on(broker.bootstrap)

    @unittest.skipUnless(os.environ.get("OTTLA_FULL"), "in the full run")
    def test_on_apache_kafka(self):
        with apache_kafka(1, *BROKER) as bootstrap:
            self.share_on(bootstrap)


if __name__ == "__main__":
    main()
