#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The broker is killed with SIGKILL in mid-produce and started again on the same files: nothing acknowledged is missing,
and per partition the order is kept. $OTTLA_KILLS says how often (default 3)."""
import os
import random
import subprocess
import tempfile
import unittest

from harness import Broker, main, ottla, program, read_line

KILLS = int(os.environ.get("OTTLA_KILLS", "3"))
PARTITIONS = 4


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_over_sigkill(self):
        seed = int(os.environ.get("OTTLA_KILL_SEED", random.randrange(1 << 30)))
        print(f"NOTE {KILLS} kills, OTTLA_KILL_SEED={seed}")
        chance = random.Random(seed)
        with Broker() as broker, tempfile.TemporaryFile("w+") as acked:
            ottla("topic", "create", "kept", "-p", PARTITIONS, "-b", broker.bootstrap)
            producer = subprocess.Popen([program("acked_producer"), broker.bootstrap, "kept", str(PARTITIONS)], stdin=subprocess.PIPE,
                                        stdout=acked, stderr=subprocess.PIPE)
            try:
                for _ in range(KILLS):
                    # The producer says "MARK n" on standard error each time n more records were acknowledged.
                    for _ in range(chance.randint(1, 4)):
                        read_line(producer.stderr, "MARK ", 60)
                    broker.kill()
                    broker.start()
                read_line(producer.stderr, "MARK ", 60)
            finally:
                producer.stdin.close()  # it finishes what is in flight, then ends
                code = producer.wait(60)
                producer.stderr.close()
            self.assertEqual(code, 0)
            acked.seek(0)
            promised = [line.split() for line in acked]
            self.assertGreater(len(promised), 1000 * KILLS)
            stored = {}
            for p in range(PARTITIONS):
                text = ottla("consume", "kept", "-p", p, "-O", "start", "-e", "-f", "%o %v\n", "-b", broker.bootstrap, timeout=120).stdout
                rows = [line.split() for line in text.splitlines()]
                self.assertEqual([int(o) for o, _ in rows], list(range(len(rows))), "offsets without gaps")
                stored[p] = rows
                first, order = set(), -1
                for _, value in rows:  # a record may be there twice (no idempotence here), but never first out of order
                    if value not in first:
                        first.add(value)
                        self.assertGreater(int(value), order)
                        order = int(value)
            for partition, offset, value in promised:
                rows = stored[int(partition)]
                self.assertLess(int(offset), len(rows), f"acknowledged record {value} of partition {partition} is missing")
                self.assertEqual(rows[int(offset)][1], value, f"partition {partition} offset {offset}")
            print(f"NOTE {len(promised)} acknowledged records are all there")


if __name__ == "__main__":
    main()
