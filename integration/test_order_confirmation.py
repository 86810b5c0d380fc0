#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The order confirmation (examples/order_confirmation): its services, and the broker, are killed at random with SIGKILL and started
again, while orders come. Every order ends confirmed or rejected, and its customer is told so once; what is read back from
the topics comes to the same verdicts; and each step has taken what the confirmed orders need, no more. $OTTLA_KILLS says how
often (default 3), $OTTLA_KILL_SEED whom. With $OTTLA_FULL the same on Apache Kafka."""
import collections
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

from harness import Broker, KafkaNode, eventually, main, ottla, program

FULL = bool(os.environ.get("OTTLA_FULL"))
KILLS = int(os.environ.get("OTTLA_KILLS", "3"))
PARTITIONS = 3
TIMEOUT_MS = 4000
PER_SECOND = 30
ORDERS = 110 + 40 * KILLS
STEPS = ["inventory", "payment", "shipping"]
STATUS = [f"{step}-status" for step in STEPS]
TIMED = ["-c", "message.timestamp.type=LogAppendTime"]


class Service:
    """A program that is started again with the same words."""

    def __init__(self, name, *words, log):
        self.name, self.words, self.log = name, [program(words[0]), *map(str, words[1:])], log
        self.gave_up = 0
        self.start()

    def start(self):
        self.was_killed = False
        self.process = subprocess.Popen(self.words, stdout=self.log, stderr=self.log)

    def kill(self):
        self.was_killed = True
        self.process.kill()
        self.process.wait()

    def look_after(self):
        """Whatever has ended is started again: that is how they are meant to be run."""
        if self.process.poll() is not None:
            self.gave_up += not self.was_killed
            self.start()

    def stop(self):
        self.look_after()
        self.process.terminate()
        code = self.process.wait(30)
        assert code == 0, f"{self.name} ended with {code}"


class OrderConfirmation(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ottla-orders-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.addCleanup(self.log.close)
        self.services = []
        self.away = None
        self.addCleanup(lambda: [service.kill() for service in self.services])

    def test_each_order_ends_once(self):
        with Broker("-q") as broker:
            self.orders_end_once(broker)

    def test_confirmations_are_not_there(self):
        """Both who need the topic say so, and end."""
        with Broker("-q") as broker:
            for topic in ["order-events", *STATUS]:
                ottla("topic", "create", topic, "-p", PARTITIONS, *TIMED, "-b", broker.bootstrap)
            self.start_services(broker)
            for service in (self.services[0], self.services[-1]):
                self.assertEqual(service.process.wait(60), 1, service.name)
            said = pathlib.Path(self.log.name).read_text()
            for name in ("confirmations-1: ", "order service: "):
                self.assertIn(f"{name}UNKNOWN_TOPIC_OR_PARTITION: topic 'order-confirmations'", said)

    @unittest.skipUnless(FULL, "in the full run")
    def test_on_apache_kafka(self):
        kafka = KafkaNode()
        try:
            self.orders_end_once(kafka.up())
        finally:
            kafka.remove()

    def orders_end_once(self, broker):
        seed = int(os.environ.get("OTTLA_KILL_SEED", random.randrange(1 << 30)))
        print(f"NOTE {ORDERS} orders, {KILLS} kills, OTTLA_KILL_SEED={seed}", flush=True)
        try:
            self.create_topics(broker)
            ottla("produce", "order-events", "-k", ":", "-b", broker.bootstrap, input="nonsense:what is this\n")
            self.start_services(broker)
            killed = self.kill_at_random(broker, random.Random(seed))
            self.reach(ORDERS, 120)
            self.check(broker)
            for service in self.services:
                service.stop()
        except BaseException:
            self.log.flush()
            print(pathlib.Path(self.log.name).read_text()[-6000:])
            raise
        print(f"NOTE killed {', '.join(f'{name} ({times})' for name, times in sorted(killed.items()))}; "
              f"{sum(service.gave_up for service in self.services)} gave up by themselves")

    def create_topics(self, broker):
        for topic in ["order-events", *STATUS]:
            ottla("topic", "create", topic, "-p", PARTITIONS, *TIMED, "-b", broker.bootstrap)
        ottla("topic", "create", "order-confirmations", "-p", PARTITIONS, *TIMED, "-c", "cleanup.policy=compact,delete", "-c", f"retention.ms={14 * 24 * 3_600_000}", "-b", broker.bootstrap)

    def start_services(self, broker):
        def add(name, *words):
            self.services.append(Service(name, *words, log=self.log))

        for n in (1, 2):
            add(f"confirmations-{n}", "example_confirmation_service", broker.bootstrap, f"confirmations-{n}", TIMEOUT_MS)
        for step in STEPS:
            add(step, "example_step_service", broker.bootstrap, self.file(step), step)
        add("orders", "example_order_service", broker.bootstrap, self.file("orders"), ORDERS, PER_SECOND)

    def file(self, name):
        return os.path.join(self.folder, f"{name}.db")

    def rows(self, name, sql):
        """Of one of the databases, which may not be there yet."""
        try:
            database = sqlite3.connect(f"file:{self.file(name)}?mode=ro", uri=True, timeout=10)
            try:
                return database.execute(sql).fetchall()
            finally:
                database.close()
        except sqlite3.OperationalError as e:
            raise AssertionError(f"{name}: {e}") from None

    def closed(self):
        return self.rows("orders", "SELECT count(*) FROM orders WHERE state <> 'placed'")[0][0]

    def reach(self, count, seconds):
        """Until so many orders have ended."""
        deadline = time.monotonic() + seconds
        while True:
            for service in self.services:
                if service is not self.away:
                    service.look_after()
            try:
                done = self.closed()
            except AssertionError:
                done = 0
            if done >= count:
                return
            self.assertLess(time.monotonic(), deadline, f"{done} of {count} orders have ended")
            time.sleep(0.01)

    def kill_at_random(self, broker, chance):
        """Now and then one stays away until the next one's turn: a step, so that orders run out of time, or a confirmation
        service, so that its partitions move to the other."""
        killed = collections.Counter()
        for n in range(KILLS):
            self.reach(ORDERS * (n + 1) // (KILLS + 2), 60)
            self.away = None
            choice = {0: self.services[2:5], 3: self.services[:2]}.get(n % 5, [broker, *self.services])
            victim = chance.choice(choice)
            victim.kill()
            name = "broker" if victim is broker else victim.name
            if n % 5 in (0, 3):
                self.away = victim
                name += " for long"
            else:
                victim.start()
            killed[name] += 1
        self.reach(ORDERS * (KILLS + 1) // (KILLS + 2), 60)
        self.away = None
        self.say_again(broker)
        return killed

    def say_again(self, broker):
        """All that was written so far, once more: as by services that died before they took note, or were believed dead."""
        for topic in ["order-confirmations", "order-events", *STATUS]:
            again = "".join(f"{key}\t{value}\n" for key, _, value in self.read(broker, topic))
            ottla("produce", topic, "-k", "\t", "-b", broker.bootstrap, input=again)

    def check(self, broker):
        orders = {row[0]: row[1:] for row in self.rows("orders", "SELECT id, item, cents, state, why FROM orders")}
        self.assertEqual(len(orders), ORDERS)
        told = self.rows("orders", "SELECT order_id, text FROM notifications")
        self.assertEqual(sorted(id for id, _ in told), sorted(orders), "each customer is told once")
        for id, text in told:
            self.assertEqual(text.split(":")[0], orders[id][2])
        for id, (item, _, state, why) in orders.items():
            if item in ("unicorn", "palace", "anvil", "lost", "late"):
                self.assertEqual(state, "rejected", f"{id}: {item}")
        self.check_against_the_log(broker, orders)
        confirmed = [cents for _, cents, state, _ in orders.values() if state == "confirmed"]
        for step, taken in zip(STEPS, (len(confirmed), sum(confirmed), len(confirmed))):
            eventually(lambda: self.assertEqual(self.rows(step, "SELECT taken FROM total"), [(taken,)], step), seconds=30)
        print(f"NOTE {len(confirmed)} confirmed, {len(orders) - len(confirmed)} rejected: "
              f"{sum('in time' in row[3] for row in orders.values())} by time, each told once")

    def check_against_the_log(self, broker, orders):
        """The rule, once more and in another way, on what the topics hold."""
        placed = {id: at for id, at, _ in reversed(self.read(broker, "order-events"))}
        said = {}
        for topic in STATUS:
            for id, at, value in self.read(broker, topic):
                said.setdefault((topic, id), (at, value))
        verdicts = collections.defaultdict(set)
        for id, _, value in self.read(broker, "order-confirmations"):
            verdicts[id].add(value.split(":")[0])
        for id, row in orders.items():
            in_time = [said.get((topic, id), (1 << 60, "")) for topic in STATUS]
            right = all(at <= placed[id] + TIMEOUT_MS and value == "ok" for at, value in in_time)
            self.assertEqual(row[2], "confirmed" if right else "rejected", f"{id}: {placed[id]} {in_time}")
            self.assertEqual(verdicts[id], {row[2]}, id)
        self.assertEqual(verdicts["nonsense"], {"rejected"}, "and it stops nobody")
        eventually(lambda: self.assertLessEqual({id for id, row in orders.items() if row[0] == "late"},
                                                {id for id, _, _ in self.read(broker, "shipping-status")}, "late answers come"), seconds=30)

    def read(self, broker, topic):
        """(order, time, value), each partition in its order; without what only tells the time."""
        rows = []
        for line in ottla("consume", topic, "-O", "start", "-e", "-o", "json", "-b", broker.bootstrap).stdout.splitlines():
            record = json.loads(line)
            if record["key"] is not None:
                rows.append((record["key"], record["timestamp"], record["value"]))
        return rows


if __name__ == "__main__":
    main()
