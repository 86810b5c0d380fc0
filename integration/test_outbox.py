#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The outbox (examples/outbox): shop, relay and broker are killed at random with SIGKILL and started again. Each row that was committed
is in the topic once, in the order of its key. $OTTLA_KILLS times three (default 9), whom $OTTLA_KILL_SEED says. With $OTTLA_FULL the same on Apache Kafka."""
import collections
import contextlib
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

from harness import Broker, KafkaNode, create_topic, eventually, main, ottla, program, run

FULL = bool(os.environ.get("OTTLA_FULL"))
KILLS = 3 * int(os.environ.get("OTTLA_KILLS", "3"))
ORDERS = 300 + 60 * KILLS
PARTITIONS = 3


class Outbox(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ottla-outbox-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.database = os.path.join(self.folder, "shop.db")
        self.running = {}
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.addCleanup(self.log.close)
        self.addCleanup(lambda: [self.kill(name) for name in self.running])

    def start(self, name):
        words = {"shop": ["example_outbox_shop", self.database, ORDERS],
                 "relay": ["example_outbox_relay", self.bootstrap, self.database, "shop-events"]}[name]
        self.running[name] = subprocess.Popen([program(words[0]), *map(str, words[1:])], stderr=self.log)

    def kill(self, name):
        self.running[name].kill()
        self.running[name].wait()

    def published(self):
        """Rows that have gone from the outbox."""
        try:
            database = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
            try:
                return database.execute("SELECT (SELECT count(*) FROM orders) - (SELECT count(*) FROM outbox)").fetchone()[0]
            finally:
                database.close()
        except sqlite3.OperationalError:
            return 0  # not made yet

    def reach(self, count):
        deadline = time.monotonic() + 60
        while (done := self.published()) < count:
            self.assertLess(time.monotonic(), deadline, f"{done} of {count} rows are published")
            if self.running["relay"].poll() is not None or self.running["shop"].poll():
                self.fail(pathlib.Path(self.log.name).read_text()[-4000:])
            time.sleep(0.002)

    def test_each_row_is_published_once(self):
        with Broker("-q") as broker:
            self.rows_are_published_once(broker, KILLS)

    def test_a_row_that_is_refused(self):
        """It is set aside before a later one of its partition is published, and named; the others are published."""
        with Broker("-q") as broker:
            self.bootstrap = broker.bootstrap
            ottla("topic", "create", "shop-events", "-p", 1, "-c", "max.message.bytes=20000", "-b", broker.bootstrap)
            run([program("example_outbox_shop"), self.database, "0"])  # makes the tables
            values = {1: "one", 2: "two", 3: "x" * 50_000, 4: "four", 5: "y" * 1_500_000, 6: "six"}
            with contextlib.closing(sqlite3.connect(self.database)) as database, database:
                database.executemany("INSERT INTO outbox(key, value) VALUES('k', ?)", [(value,) for value in values.values()])
            self.start("relay")
            self.reach_rows(0)
            self.kill("relay")
            self.start("relay")  # finds nothing to do, and takes nothing back
            self.assertEqual(self.rows("SELECT id, key, value FROM refused ORDER BY id"), [(n, "k", values[n]) for n in (3, 5)])
            for why, in self.rows("SELECT why FROM refused"):
                self.assertIn("MESSAGE_TOO_LARGE", why)
            said = pathlib.Path(self.log.name).read_text()
            self.assertIn("row 3 is set aside", said)
            self.assertIn("row 5 is set aside", said)
            self.assertEqual(self.ids(broker), [1, 2, 4, 6])

    def test_partitions_that_are_added(self):
        """A row that was published, and not deleted, is known again."""
        with Broker("-q") as broker:
            self.bootstrap = broker.bootstrap
            create_topic(broker.bootstrap, "shop-events", 2)
            run([program("example_outbox_shop"), self.database, "50"])
            rows = self.rows("SELECT id, key, value FROM outbox")
            self.start("relay")
            self.reach_rows(0)
            self.kill("relay")
            with contextlib.closing(sqlite3.connect(self.database)) as database, database:
                database.executemany("INSERT INTO outbox VALUES(?, ?, ?)", rows)
            ottla("topic", "add-partitions", "shop-events", "-p", 7, "-b", broker.bootstrap)
            self.start("relay")
            self.reach_rows(0)
            self.assertEqual(sorted(self.ids(broker)), list(range(1, 51)))

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as database:
            return database.execute(sql).fetchall()

    def reach_rows(self, count):
        def check():
            self.assertIsNone(self.running["relay"].poll(), pathlib.Path(self.log.name).read_text()[-4000:])
            self.assertEqual(self.rows("SELECT count(*) FROM outbox"), [(count,)])
        eventually(check)

    def ids(self, broker):
        records = [json.loads(line) for line in ottla("consume", "shop-events", "-O", "start", "-e", "-o", "json", "-b", broker.bootstrap).stdout.splitlines()]
        return [int(header["value"]) for record in records for header in record["headers"] if header["key"] == "outbox-id"]

    @unittest.skipUnless(FULL, "in the full run")
    def test_on_apache_kafka(self):
        kafka = KafkaNode()
        try:
            self.rows_are_published_once(kafka.up(), 9)
        finally:
            kafka.remove()

    def rows_are_published_once(self, broker, kills):
        seed = int(os.environ.get("OTTLA_KILL_SEED", random.randrange(1 << 30)))
        print(f"NOTE {ORDERS} rows, {kills} kills, OTTLA_KILL_SEED={seed}", flush=True)
        chance, killed = random.Random(seed), collections.Counter()
        self.bootstrap = broker.bootstrap
        create_topic(broker.bootstrap, "shop-events", PARTITIONS)
        for name in ("shop", "relay"):
            self.start(name)
        self.reach(1)  # it is at work
        self.check_that_it_is_the_only_one(broker)
        for n in range(kills):
            self.reach(ORDERS * (n + 1) // (kills + 2))
            victim = chance.choice(["shop", "relay", "relay", "broker"])
            killed[victim] += 1
            if victim == "broker":
                broker.kill()
                broker.start()
            else:
                self.kill(victim)
                self.start(victim)
        self.reach(ORDERS)
        self.check_topic(broker)
        print(f"NOTE killed {', '.join(f'{name} ({times})' for name, times in sorted(killed.items()))}: each row is there once, in order")

    def check_that_it_is_the_only_one(self, broker):
        words = [program("example_outbox_relay"), broker.bootstrap, self.database, "shop-events"]
        second = subprocess.Popen(words, stderr=self.log)
        try:
            self.assertEqual(second.wait(30), 1)
        finally:
            second.kill()
            second.wait()
        self.assertIn("another relay is at work", pathlib.Path(self.log.name).read_text())

    def check_topic(self, broker):
        ids, numbers, last = [], collections.defaultdict(list), collections.defaultdict(int)
        for line in ottla("consume", "shop-events", "-O", "start", "-e", "-o", "json", "-b", broker.bootstrap).stdout.splitlines():
            record = json.loads(line)
            headers = {header["key"]: header["value"] for header in record["headers"]}
            if "outbox-marker" in headers:
                continue
            ids.append(int(headers["outbox-id"]))
            self.assertGreater(ids[-1], last[record["partition"]], "ids rise within a partition")
            last[record["partition"]] = ids[-1]
            numbers[record["key"]].append(int(record["value"].split()[1]))
        self.assertEqual(sorted(ids), list(range(1, ORDERS + 1)))
        for key, row in numbers.items():
            self.assertEqual(row, list(range(int(key.split("-")[1]), ORDERS, 50)), key)


if __name__ == "__main__":
    main()
