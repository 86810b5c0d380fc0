#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ListOffsets at every version, for every time there is: Apache Kafka 4.3.1 and our broker give the same answers."""
import contextlib
import struct
import unittest

from harness import Broker, Connection, apache_kafka, main, ottla

FLEXIBLE_FROM = 6
SPECIAL = {"latest": -1, "earliest": -2, "max timestamp": -3, "earliest local": -4, "latest tiered": -5, "earliest pending upload": -6,
           "nothing": -7}


def compact(text):
    return bytes([len(text) + 1]) + text.encode()


def encode(version, topic, timestamp, isolation, replica):
    flexible = version >= FLEXIBLE_FROM
    out = struct.pack(">i", replica) + (struct.pack(">b", isolation) if version >= 2 else b"")
    out += b"\x02" + compact(topic) + b"\x02" if flexible else struct.pack(">ih", 1, len(topic)) + topic.encode() + struct.pack(">i", 1)
    out += struct.pack(">i", 0) + (struct.pack(">i", -1) if version >= 4 else b"") + struct.pack(">q", timestamp)
    out += b"\0\0" if flexible else b""
    return out + (struct.pack(">i", 5000) if version >= 10 else b"") + (b"\0" if flexible else b"")


def ask(connection, version, topic, timestamp, isolation=0, replica=-1):
    """Error, timestamp, offset and, from version 4 on, leader epoch of partition 0."""
    flexible = version >= FLEXIBLE_FROM
    answer = connection.ask(2, version, encode(version, topic, timestamp, isolation, replica), flexible)
    at = (4 if version >= 2 else 0) + (3 if flexible else 10) + len(topic)
    return struct.unpack_from(">hqqi" if version >= 4 else ">hqq", answer, at + 4)


class ListOffsets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(apache_kafka())
        cls.ours = cls.enterClassContext(Broker()).bootstrap
        for bootstrap in [cls.kafka, cls.ours]:
            for topic in ["empty", "plain", "packed"]:
                ottla("topic", "create", topic, "-b", bootstrap)
            for codec, topic in [("none", "plain"), ("zstd", "packed")]:
                for lines in ["a\nb\nc\n", "d\n", "e\nf\n"]:
                    ottla("produce", topic, "-b", bootstrap, "-X", f"compression.type={codec}", input=lines)
        cls.connections = [cls.enterClassContext(contextlib.closing(Connection(to))) for to in (cls.kafka, cls.ours)]

    def ask_both(self, *args):
        return [ask(connection, *args) for connection in self.connections]

    def test_special_times_are_answered_alike(self):
        for version in range(1, 12):
            for name, time in SPECIAL.items():
                for isolation in [0, 1]:
                    for replica in [-1, -2]:
                        for topic in ["empty", "unknown", "plain", "packed"]:
                            with self.subTest(version=version, time=name, isolation=isolation, replica=replica, topic=topic):
                                kafka, ours = self.ask_both(version, topic, time, isolation, replica)
                                # The records' times differ, and so may which is the last: that there is one is compared.
                                if name == "max timestamp":
                                    kafka, ours = ((error, found >= 0, at >= 0, *epoch) for error, found, at, *epoch in (kafka, ours))
                                self.assertEqual(kafka, ours)

    def test_the_first_record_at_a_time(self):
        for bootstrap, connection in zip((self.kafka, self.ours), self.connections):
            for topic in ["plain", "packed"]:
                times = [int(t) for t in ottla("consume", topic, "-b", bootstrap, "-O", "start", "-n", 6, "-f", "%d\n").stdout.split()]
                self.assertEqual(len(times), 6)
                for version in [1, 4, 6, 11]:
                    for time in {0, *times, *(t + 1 for t in times)}:
                        later = [(t, offset) for offset, t in enumerate(times) if t >= time]
                        expected = later[0] if later else (-1, -1)
                        self.assertEqual(ask(connection, version, topic, time)[:3], (0, *expected), (bootstrap, topic, time, times))
                self.assertEqual(ask(connection, 11, topic, -3)[1:3], (max(times), times.index(max(times))))


if __name__ == "__main__":
    main()
