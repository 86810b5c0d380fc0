#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An idempotent producer writes a book of numbers while its brokers are killed with SIGKILL and started again: every record
is there once, in order, at the offset that was reported. With $OTTLA_FULL a million records through ten kills, and the same
against a real Apache Kafka of one node and of three; else a hundred thousand through three."""
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

from harness import Broker, KafkaNode, main, ottla, program

FULL = bool(os.environ.get("OTTLA_FULL"))
RECORDS, KILLS = (1_000_000, 10) if FULL else (100_000, 3)
PARTITIONS = 6
OPEN = 20_000  # so many batches are in flight when the kill comes


class Book(unittest.TestCase):
    def write_through_kills(self, bootstrap, kill_and_start):
        """`kill_and_start(n)`: the n-th kill, and what brings the broker back."""
        with tempfile.TemporaryFile("w+") as acked, tempfile.TemporaryFile() as said:
            producer = subprocess.Popen([program("acked_producer"), bootstrap, "book", str(PARTITIONS), "0", str(RECORDS), str(OPEN)],
                                        stdin=subprocess.PIPE, stdout=acked, stderr=said)
            try:
                for n in range(KILLS):
                    self.wait_for_mark(producer, said, RECORDS * (n + 1) // (KILLS + 2))
                    kill_and_start(n)
                code = producer.wait(240 if FULL else 120)
            finally:
                producer.kill()
                producer.wait()
                producer.stdin.close()
            said.seek(0)
            lines = said.read().decode().splitlines()
            lost = [line for line in lines if line.startswith("LOST ")]
            self.assertEqual(lost[:10], [], f"{len(lost)} records")
            self.assertEqual(code, 0, lines[-10:])
            acked.seek(0)
            self.check([tuple(map(int, line.split())) for line in acked], bootstrap)
        print(f"NOTE {RECORDS} records through {KILLS} kills: each is there once, in order, at its offset")

    def wait_for_mark(self, producer, said, count):
        deadline = time.monotonic() + 120
        while True:
            marks = [line for line in os.pread(said.fileno(), 1 << 20, 0).split(b"\n")[:-1] if line.startswith(b"MARK ")]
            if marks and int(marks[-1].split()[1]) >= count:
                return
            self.assertIsNone(producer.poll(), "the producer ended early")
            self.assertLess(time.monotonic(), deadline, f"{count} records are not acknowledged after 120 s; the last mark: {marks[-1:]}")
            time.sleep(0.002)

    def check(self, promised, bootstrap):
        self.assertEqual(sorted(value for _, _, value in promised), list(range(RECORDS)))
        stored = []
        for partition in range(PARTITIONS):
            text = ottla("consume", "book", "-p", partition, "-O", "start", "-e", "-f", "%o %v\n", "-b", bootstrap, timeout=300).stdout
            rows = [tuple(map(int, line.split())) for line in text.splitlines()]
            self.assertEqual([offset for offset, _ in rows], list(range(len(rows))), "offsets without gaps")
            self.assertEqual([value for _, value in rows], list(range(partition, RECORDS, PARTITIONS)), "each once, in order")
            stored.append(dict(rows))
        for partition, offset, value in promised:
            self.assertEqual(stored[partition][offset], value)


class FaultCase1(Book):
    def test_our_broker(self):
        with Broker("-c", "log.segment.bytes=4000000") as broker:
            ottla("topic", "create", "book", "-p", PARTITIONS, "-b", broker.bootstrap)

            def kill_and_start(_):
                broker.kill()
                broker.start()

            self.write_through_kills(broker.bootstrap, kill_and_start)

    @unittest.skipUnless(FULL, "in the full run")
    def test_apache_kafka(self):
        self.through_kafka(1)

    @unittest.skipUnless(FULL, "in the full run")
    def test_apache_kafka_of_three_nodes(self):
        self.through_kafka(3)

    def through_kafka(self, nodes):
        cluster = KafkaNode(nodes=nodes)
        chance = random.Random(int(os.environ.get("OTTLA_KILL_SEED", "1")))
        try:
            cluster.up()
            ottla("topic", "create", "book", "-p", PARTITIONS, "-r", nodes, "-b", cluster.bootstrap)

            def kill_and_start(_):
                node = chance.randrange(nodes) + 1
                cluster.down(signal.SIGKILL, node)
                cluster.again(node)

            self.write_through_kills(cluster.bootstrap, kill_and_start)
        finally:
            cluster.remove()


if __name__ == "__main__":
    main()
