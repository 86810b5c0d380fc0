#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a topic's configuration asks of produced batches: Apache Kafka 4.3.1 and our broker refuse the same records with
the same codes."""
import contextlib
import os
import re
import struct
import time
import unittest

from harness import Broker, Connection, apache_kafka, kafka_env, kafka_run, main, ottla

PRODUCE, VERSION = 0, 9
NONE, CORRUPT, TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD = 0, 2, 10, 32, 87
MINUTE = 60_000


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(n):
    n = n << 1 ^ n >> 63
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def unsigned_varint(n):
    return bytes([n]) if n < 0x80 else bytes([n & 0x7F | 0x80]) + unsigned_varint(n >> 7)


def field(data):
    return varint(-1) if data is None else varint(len(data)) + data


def batch(records, attributes=0):
    """One uncompressed batch of (timestamp, key) pairs."""
    times = [t for t, _ in records]
    body = b""
    for i, (t, key) in enumerate(records):
        record = b"\0" + varint(t - times[0]) + varint(i) + field(key) + field(b"v") + varint(0)
        body += varint(len(record)) + record
    checked = struct.pack(">hiqqqhii", attributes, len(records) - 1, times[0], max(times), -1, -1, -1, len(records)) + body
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, crc32c(checked)) + checked


class Answer:
    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, layout):
        values = struct.unpack_from(layout, self.body, self.at)
        self.at += struct.calcsize(layout)
        return values[0]

    def count(self):
        n, shift = 0, 0
        while True:
            byte = self.take(">B")
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return n - 1

    def text(self):
        size = self.count()
        if size < 0:
            return None
        self.at += size
        return self.body[self.at - size:self.at].decode()


def produce(connection, topic, records):
    """Like produce_once(); Apache Kafka's broker may learn of a new topic a moment after its controller has answered."""
    for _ in range(100):
        said = produce_once(connection, topic, records)
        if said[0] not in (UNKNOWN_TOPIC, NOT_LEADER):
            break
        time.sleep(0.1)
    return said


def produce_once(connection, topic, records):
    """Of partition 0: code, base offset, whether there is an append time, log start, indices of bad records, message."""
    name = bytes([len(topic) + 1]) + topic.encode()
    body = b"\0" + struct.pack(">hi", -1, 10_000) + b"\x02" + name + b"\x02" + struct.pack(">i", 0)
    body += unsigned_varint(len(records) + 1) + records + b"\0\0\0"
    answer = Answer(connection.ask(PRODUCE, VERSION, body, True))
    answer.count(), answer.text(), answer.count(), answer.take(">i")
    code, base, appended, start = (answer.take(layout) for layout in (">h", ">q", ">q", ">q"))
    bad = []
    for _ in range(answer.count()):
        index, message = answer.take(">i"), answer.text()
        answer.count()
        bad.append((index, message))
    return code, base, appended >= 0, start, bad, answer.text()


UNKNOWN_TOPIC, NOT_LEADER = 3, 6


class ProduceRules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(apache_kafka())
        broker = cls.enterClassContext(Broker())
        cls.ours = broker.bootstrap
        kafka_port = cls.kafka.rsplit(":", 1)[1]
        cls.directories = [os.path.join(kafka_env()["KAFKA_PEER"], kafka_port, "node1", "data"), broker.data]
        cls.connections = [cls.enterClassContext(contextlib.closing(Connection(to))) for to in (cls.kafka, cls.ours)]

    def create(self, topic, *configs):
        for bootstrap in (self.kafka, self.ours):
            ottla("topic", "create", topic, "-b", bootstrap, *(word for config in configs for word in ("-c", config)))

    def produce_both(self, topic, records, expected_code, expected_bad=()):
        kafka, ours = (produce(connection, topic, records) for connection in self.connections)
        with self.subTest(topic=topic, kafka=kafka, ours=ours):
            self.assertEqual(kafka[0], expected_code)
            self.assertEqual([index for index, _ in kafka[4]], list(expected_bad))
            # The sentences are each one's own.
            for they, we in zip(kafka[4], ours[4]):
                self.assertEqual(they[0], we[0])
                self.assertTrue(we[1])
            self.assertEqual(len(kafka[4]), len(ours[4]))
            self.assertEqual(kafka[:4], ours[:4])
            if kafka[5] is not None:
                self.assertIsNotNone(ours[5])

    def test_times_out_of_bounds(self):
        bounds = [f"message.timestamp.before.max.ms={MINUTE}", f"message.timestamp.after.max.ms={MINUTE}"]
        self.create("bounded", *bounds)
        now = int(time.time() * 1000)
        old, new = now - 2 * MINUTE, now + 2 * MINUTE
        self.produce_both("bounded", batch([(now, None), (now - 1000, b"k")]), NONE)
        self.produce_both("bounded", batch([(now, None), (old, None), (now, None), (new, None)]), INVALID_TIMESTAMP, [1, 3])
        self.produce_both("bounded", batch([(-1, None), (now, None)]), NONE)
        self.produce_both("bounded", batch([(-1, None), (old, None)]), INVALID_TIMESTAMP, [1])
        # The default: an hour ahead, any time ago.
        self.create("usual")
        self.produce_both("usual", batch([(0, None), (now, None)]), NONE)
        self.produce_both("usual", batch([(now, None), (now + 61 * MINUTE, None)]), INVALID_TIMESTAMP, [1])
        self.create("stamped", "message.timestamp.type=LogAppendTime", *bounds)
        self.produce_both("stamped", batch([(old, None), (new, None)]), NONE)

    def test_a_compacted_topic_wants_keys(self):
        self.create("compacted", "cleanup.policy=compact")
        self.create("both", "cleanup.policy=compact,delete", f"message.timestamp.before.max.ms={MINUTE}")
        now = int(time.time() * 1000)
        self.produce_both("compacted", batch([(now, b"k"), (now, b"")]), NONE)
        self.produce_both("compacted", batch([(now, b"k"), (now, None), (now, b"l"), (now, None)]), INVALID_RECORD, [1, 3])
        self.produce_both("both", batch([(now, None), (now - 2 * MINUTE, None), (now - 2 * MINUTE, b"k")]), INVALID_TIMESTAMP, [0, 1, 2])

    def test_batches_that_are_refused_whole(self):
        self.create("small", "max.message.bytes=200")
        now = int(time.time() * 1000)
        good = batch([(now, None)])
        self.produce_both("small", good, NONE)
        self.produce_both("small", good[:-1] + bytes([good[-1] ^ 1]), CORRUPT)
        self.produce_both("small", batch([(now, b"k" * 300)]), TOO_LARGE)
        self.produce_both("small", good + good, INVALID_RECORD)

    def test_batches_are_stored_in_the_topics_codec(self):
        codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
        lines = "".join(f"key{i}:value {i}\n" for i in range(300))
        for target in ["producer", "uncompressed", *codecs[1:]]:
            topic = f"stored-{target}"
            level = [] if target in ("producer", "uncompressed", "snappy") else [f"compression.{target}.level=5"]
            self.create(topic, f"compression.type={target}", *level)
            expected = codecs if target == "producer" else [target.replace("uncompressed", "none")] * len(codecs)
            for bootstrap, directory in zip((self.kafka, self.ours), self.directories):
                with self.subTest(topic=topic, bootstrap=bootstrap):
                    for source in codecs:
                        ottla("produce", topic, "-b", bootstrap, "-k", ":", "-X", f"compression.type={source}", input=lines)
                    self.assertEqual(ottla("consume", topic, "-b", bootstrap, "-O", "start", "-n", 1500, "-f", "%k:%v\n").stdout, lines * 5)
                    segment = os.path.join(directory, f"{topic}-0", "00000000000000000000.log")
                    asked = ["--deep-iteration", "--print-data-log", "--files", segment]
                    dumped = ottla("log", "dump", *asked).stdout
                    self.assertEqual(list(dict.fromkeys(re.findall(r"compresscodec: (\w+)", dumped))), list(dict.fromkeys(expected)))
                    self.assertNotIn("isvalid: false", dumped)
                    if directory == self.directories[1]:
                        self.assertEqual(kafka_run("org.apache.kafka.tools.DumpLogSegments", *asked).stdout, dumped)

    def test_segments_end_where_kafkas_do(self):
        def segments(directory, topic):
            return sorted(name for name in os.listdir(os.path.join(directory, f"{topic}-0")) if name.endswith(".log"))

        start = int(time.time() * 1000) - 60 * MINUTE
        by_time = [0, MINUTE, MINUTE + 1, 0, 2 * MINUTE + 1, 2 * MINUTE + 2, 5 * MINUTE, MINUTE, 6 * MINUTE, 6 * MINUTE + 1]
        for topic, configs, times in [
                ("timed", [f"segment.ms={MINUTE}"], by_time),
                ("sized", ["internal.segment.bytes=500"], [0] * 40),
                ("indexed", ["segment.index.bytes=80", "index.interval.bytes=0"], [0] * 40),
                ("rising", ["segment.index.bytes=80", "index.interval.bytes=0"], range(40)),
                ("sparse", ["segment.index.bytes=24", "index.interval.bytes=200"], range(40))]:
            self.create(topic, *configs)
            for after in times:
                self.produce_both(topic, batch([(start + after, b"key"), (start + after - 7, None)]), NONE)
            kafka, ours = (segments(directory, topic) for directory in self.directories)
            with self.subTest(topic=topic):
                self.assertGreater(len(kafka), 2)
                self.assertEqual(kafka, ours)


if __name__ == "__main__":
    main()
