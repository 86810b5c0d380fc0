#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Payments (examples/payments) charged one by one, by a naive pool of threads, and by a ParallelConsumer: how long each takes, and what
is never charged after a SIGKILL. With $OTTLA_FULL it prints the table that README.md shows."""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Broker, main, ottla, program

TIMED, MS = 1000 if os.environ.get("OTTLA_FULL") else 300, 5
CRASHED, KILL_AT = 400, 100
SLOW, POISON = {10, 20, 30, 40}, {50, 150}
TITLES = {"sequential": "one by one, each committed", "naive": "a pool of threads, each commits its own", "parallel": "`ParallelConsumer`"}


class Payments(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ottla-payments-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.addCleanup(self.log.close)
        self.process = None
        self.addCleanup(lambda: self.process and self.process.kill())

    def produce(self, topic, payments):
        """(milliseconds, is it poison) for each."""
        ottla("topic", "create", topic, "-b", self.broker.bootstrap)
        lines = [f"account-{n % 200}:{n} {'nothing' if poison else 100 + n} {ms}" for n, (ms, poison) in enumerate(payments)]
        ottla("produce", topic, "-k", ":", "-b", self.broker.bootstrap, input="\n".join(lines) + "\n")

    def start(self, kind, topic):
        words = [self.broker.bootstrap, topic, topic, self.ledger_file(topic)]
        if kind == "parallel":
            words.append(f"{topic}-dead")
        self.process = subprocess.Popen([program(f"example_payments_{kind}"), *words], stderr=self.log, stdout=self.log)

    def ledger_file(self, topic):
        return os.path.join(self.folder, topic)

    def ledger(self, topic):
        try:
            return [int(line) for line in pathlib.Path(self.ledger_file(topic)).read_text().splitlines()]
        except FileNotFoundError:
            return []

    def wait_for(self, topic, what, is_there, seconds=60):
        deadline = time.monotonic() + seconds
        while not is_there(self.ledger(topic)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.fail(f"{topic}: {what}; {len(self.ledger(topic))} charged\n{pathlib.Path(self.log.name).read_text()[-3000:]}")
            time.sleep(0.002)
        return time.monotonic()

    def stop(self, kind):
        self.process.terminate()
        self.assertEqual(self.process.wait(30), 0, kind)

    def seconds(self, kind):
        """From the first payment to the last."""
        topic = f"{kind}-timed"
        self.produce(topic, [(MS, False)] * TIMED)
        self.dead_letters(topic)
        self.start(kind, topic)
        began = self.wait_for(topic, "nothing is charged", lambda ledger: ledger)
        ended = self.wait_for(topic, "not all are charged", lambda ledger: len(set(ledger)) == TIMED)
        self.stop(kind)
        return ended - began

    def dead_letters(self, topic):
        ottla("topic", "create", f"{topic}-dead", "-b", self.broker.bootstrap)

    def crash(self, kind):
        """Those that are never charged, and how many are charged twice: killed while some payments take long."""
        topic = f"{kind}-crashed"
        slow_ms = 100 if kind == "sequential" else 4000
        self.produce(topic, [(slow_ms if n in SLOW else MS, n in POISON) for n in range(CRASHED)])
        self.dead_letters(topic)
        self.start(kind, topic)
        self.wait_for(topic, "too few are charged", lambda ledger: len(ledger) >= KILL_AT)
        self.process.kill()
        self.process.wait()
        if kind != "sequential":
            self.assertFalse(SLOW & set(self.ledger(topic)), "they take longer than that")
        committed = self.committed(topic)
        self.start(kind, topic)
        # What lies behind the committed offset is worked on again, or was done.
        self.wait_for(topic, "the rest is not charged", lambda ledger: set(range(committed, CRASHED)) - POISON <= set(ledger))
        if kind != "naive":
            self.wait_for(topic, "some are lost", lambda ledger: len(set(ledger)) == CRASHED - len(POISON))
        self.stop(kind)
        charged = collections.Counter(self.ledger(topic))
        return set(range(CRASHED)) - POISON - set(charged), sum(times - 1 for times in charged.values())

    def committed(self, group):
        for line in ottla("group", "offsets", group, "--export", "-b", self.broker.bootstrap).stdout.splitlines():
            return int(line.split(",")[2])
        return 0

    def test_side_by_side(self):
        rows = []
        with Broker("-q") as self.broker:
            for kind in TITLES:
                seconds = self.seconds(kind)
                lost, twice = self.crash(kind)
                rows.append((TITLES[kind], seconds, len(lost), twice))
                if kind == "naive":
                    self.assertEqual(lost & SLOW, SLOW, "committed by others, and never charged")
                else:
                    self.assertEqual(lost, set(), kind)
            self.check_dead_letters("parallel-crashed")
        print(f"\nNOTE | {TIMED:,} payments of {MS} ms | s | never charged after a kill | charged twice |")
        print("NOTE |---|---|---|---|")
        for title, seconds, lost, twice in rows:
            print(f"NOTE | {title} | {seconds:.2f} | {lost or 'none'} | {twice or 'none'} |")
        self.assertLess(rows[2][1], rows[0][1] / 3, "16 at a time")

    def test_fenced(self):
        """A second one of the same group.instance.id ends the first, which says why and fails."""
        with Broker("-q") as self.broker:
            for kind in TITLES:
                topic = f"{kind}-fenced"
                self.produce(topic, [(MS, False), (-1, False), (MS, False), (MS, False)])  # of which one is none
                self.dead_letters(topic)
                self.start(kind, topic)
                first = self.process
                self.wait_for(topic, "not all are charged", lambda ledger: len(ledger) == 3)
                self.start(kind, topic)
                self.assertEqual(first.wait(30), 1, kind)
                self.assertIn("FENCED_INSTANCE_ID", pathlib.Path(self.log.name).read_text())
                self.stop(kind)
                self.log.truncate(0)

    def check_dead_letters(self, topic):
        """Those that are no payments, each with where it comes from. A kill may have them written twice."""
        letters = {}
        for line in ottla("consume", f"{topic}-dead", "-O", "start", "-e", "-o", "json", "-b", self.broker.bootstrap).stdout.splitlines():
            letter = json.loads(line)
            headers = {header["key"]: header["value"] for header in letter["headers"]}
            letters[int(headers["dead-letter.offset"])] = (letter["value"], headers["dead-letter.topic"], headers["dead-letter.error"])
        wanted = {n: (f"{n} nothing {MS}", topic, f"'{n} nothing {MS}' is no payment") for n in POISON}
        self.assertEqual(letters, wanted)


if __name__ == "__main__":
    main()
