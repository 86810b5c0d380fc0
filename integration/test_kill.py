#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The broker is killed with SIGKILL while it appends, rolls, compacts, removes what retention gives up and deletes topics,
and started again on the same files: nothing acknowledged is missing, and `ottla log verify` finds nothing wrong with what a
kill leaves. $OTTLA_KILLS says how often (default 3)."""
import collections
import glob
import json
import os
import random
import subprocess
import tempfile
import time
import unittest

from harness import Broker, eventually, main, ottla, program, read_line, run

KILLS = int(os.environ.get("OTTLA_KILLS", "3"))
PARTITIONS = 2
KEYS = 700
BROKER = ["log.cleaner.backoff.ms=20", "log.retention.check.interval.ms=100", "log.initial.task.delay.ms=100",
          "log.flush.offset.checkpoint.interval.ms=200", "log.flush.start.offset.checkpoint.interval.ms=200",
          "log.segment.delete.delay.ms=200"]
SMALL = ["internal.segment.bytes=60000", "file.delete.delay.ms=50"]
TOPICS = {
    "kept": SMALL,
    "compacted": SMALL + ["cleanup.policy=compact", "min.cleanable.dirty.ratio=0.01"],
    "expiring": SMALL + ["retention.bytes=200000"],
}
# What is to be seen in the data directory when the broker is in the middle of it.
MOMENTS = {
    "append": None,
    "roll": "kept-*/*.log",
    "compaction": "compacted-*/*.cleaned",
    "swap": "compacted-*/*.swap",
    "retention": "expiring-*/*.deleted",
    "topic deletion": "*-delete",
}


def settings(lines):
    return [word for line in lines for word in ("-c", line)]


class Writer:
    """acked_producer on a topic, and its book of promises."""

    def __init__(self, bootstrap, topic):
        self.topic = topic
        self.acked = tempfile.TemporaryFile("w+")
        keys = [str(KEYS)] if topic == "compacted" else []
        self.process = subprocess.Popen([program("acked_producer"), bootstrap, topic, str(PARTITIONS), *keys], stdin=subprocess.PIPE,
                                        stdout=self.acked, stderr=subprocess.PIPE)

    def mark(self):
        """Waits until more records were acknowledged: the producer says "MARK n" each time 2,000 more are."""
        read_line(self.process.stderr, "MARK ", 60)

    def end(self):
        self.process.stdin.close()  # it finishes what is in flight, then ends
        code = self.process.wait(60)
        self.process.stderr.close()
        return code

    def promised(self):
        self.acked.seek(0)
        for line in self.acked:
            partition, offset, value = map(int, line.split())
            yield partition, offset, value


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_over_sigkill(self):
        seed = int(os.environ.get("OTTLA_KILL_SEED", random.randrange(1 << 30)))
        print(f"NOTE {KILLS} kills, OTTLA_KILL_SEED={seed}")
        chance = random.Random(seed)
        moments = list(MOMENTS)
        chance.shuffle(moments)
        met = collections.Counter()
        with Broker(*settings(BROKER)) as broker:
            for topic, lines in TOPICS.items():
                ottla("topic", "create", topic, "-p", PARTITIONS, *settings(lines), "-b", broker.bootstrap)
            writers = [Writer(broker.bootstrap, topic) for topic in TOPICS]
            try:
                for n in range(KILLS):
                    for writer in writers:
                        writer.mark()
                    met[self.kill_at(broker, moments[n % len(moments)], n)] += 1
                    broker.start()
                while min(self.starts(broker, "expiring")) == 0:
                    for writer in writers:
                        writer.mark()
                for writer in writers:
                    writer.mark()
            finally:
                codes = [writer.end() for writer in writers]
            self.assertEqual(codes, [0] * len(writers))
            stored = {topic: [self.rows(broker, topic, p) for p in range(PARTITIONS)] for topic in TOPICS}
            counts = [getattr(self, f"check_{writer.topic}")(stored[writer.topic], list(writer.promised())) for writer in writers]
            self.assertGreater(min(counts), 2000 * KILLS)
            # What a kill kept from being deleted is unknown to the metadata then, and set aside.
            left = lambda: [path for path in glob.glob(os.path.join(broker.data, "gone-*")) if not path.endswith("-stray")]
            eventually(lambda: self.assertEqual(left(), []))
            broker.stop()
            self.verify(broker.data)
            broker.start()
        if KILLS >= 2 * len(MOMENTS):
            self.assertEqual(set(MOMENTS) - set(met), set(), f"never killed in the middle of it: {met}")
        print(f"NOTE killed during {', '.join(f'{moment} ({times})' for moment, times in sorted(met.items()))}")
        print(f"NOTE {sum(counts)} acknowledged records are all there, or were given up as they should be")

    def starts(self, broker, topic):
        answer, = json.loads(ottla("topic", "offsets", topic, "--time", "earliest", "-o", "json", "-b", broker.bootstrap).stdout)
        return [p["offset"] for p in answer["partitions"]]

    def kill_at(self, broker, moment, n):
        """Kills the broker when it is seen to be in the middle of this; what it was in the middle of."""
        pattern = MOMENTS[moment]
        deleting = None
        if moment == "topic deletion":
            ottla("topic", "create", f"gone-{n}", "-p", 20, "-b", broker.bootstrap)
            deleting = subprocess.Popen([program("ottla"), "topic", "delete", f"gone-{n}", "-b", broker.bootstrap],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if pattern:
            there = lambda: set(glob.glob(os.path.join(broker.data, pattern)))
            before, deadline = there(), time.monotonic() + 20
            while there() <= before:
                if time.monotonic() > deadline:
                    moment = f"append, waiting for {moment}"
                    break
        broker.kill()
        if deleting:
            deleting.kill()
            deleting.wait()
        # A batch that was cut off at the very end is no damage, nor is an index whose segment has gone just before it.
        self.verify(broker.data, "no whole batch", "there is no segment of this offset")
        return moment

    def verify(self, data, *expected):
        done = run([program("ottla"), "log", "verify", data], check=False)
        problems = [line for line in done.stdout.splitlines() if (".log: " in line or "index: " in line) and not any(e in line for e in expected)]
        self.assertEqual(problems, [], done.stdout[-3000:])

    def rows(self, broker, topic, partition):
        """offset → value, in the order of the log."""
        text = ottla("consume", topic, "-p", partition, "-O", "start", "-e", "-f", "%o %v\n", "-b", broker.bootstrap, timeout=120).stdout
        return {int(offset): int(value) for offset, value in (line.split() for line in text.splitlines())}

    def check_kept(self, stored, promised):
        for rows in stored:
            self.assertEqual(list(rows), list(range(len(rows))), "offsets without gaps")
            values = list(rows.values())
            self.assertEqual(values, sorted(set(values)), "each once, in order")
        for partition, offset, value in promised:
            self.assertEqual(stored[partition].get(offset), value, f"acknowledged: partition {partition}, offset {offset}")
        return len(promised)

    def check_expiring(self, stored, promised):
        """From the first record on that is left, which is not the first that was written."""
        for rows in stored:
            start = min(rows)
            self.assertGreater(start, 0)
            self.assertEqual(list(rows), list(range(start, start + len(rows))), "offsets without gaps")
        for partition, offset, value in promised:
            if offset >= min(stored[partition]):
                self.assertEqual(stored[partition].get(offset), value, f"acknowledged: partition {partition}, offset {offset}")
        return len(promised)

    def check_compacted(self, stored, promised):
        """Of each key the last acknowledged value is there, or one that came later; what has an offset never changes."""
        last = [{}, {}]
        for partition, offset, value in promised:
            self.assertEqual(stored[partition].get(offset, value), value, f"partition {partition}, offset {offset}")
            key = value % KEYS
            last[partition][key] = max(last[partition].get(key, -1), value)
        for partition, rows in enumerate(stored):
            self.assertEqual(list(rows), sorted(rows))
            left = {value % KEYS: value for value in rows.values()}
            for key, value in last[partition].items():
                self.assertGreaterEqual(left.get(key, -1), value, f"partition {partition}: key {key}")
            self.assertLess(len(rows), max(rows) // 2, "compacted")
        return len(promised)


if __name__ == "__main__":
    main()
