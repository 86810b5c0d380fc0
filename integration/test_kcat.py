#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kcat against our broker: metadata, every codec, keys, headers, nulls."""
import json
import unittest

from harness import Broker, main, ottla, run


def kcat(broker, *args, **options):
    return run(["kcat", "-b", broker.bootstrap, *args], **options)


class Kcat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker())

    def test_lists_brokers_and_topics(self):
        ottla("topic", "create", "listed", "-p", 3, "-b", self.broker.bootstrap)
        seen = json.loads(kcat(self.broker, "-L", "-J").stdout)
        self.assertEqual([b["name"] for b in seen["brokers"]], [self.broker.bootstrap])
        topic = next(t for t in seen["topics"] if t["topic"] == "listed")
        self.assertEqual([p["partition"] for p in topic["partitions"]], [0, 1, 2])
        self.assertEqual({p["leader"] for p in topic["partitions"]}, {seen["brokers"][0]["id"]})

    def test_every_codec_comes_back_as_it_went(self):
        lines = "".join(f"line {i} {'x' * (i % 50)}\n" for i in range(2000))
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
            with self.subTest(codec=codec):
                ottla("topic", "create", f"codec-{codec}", "-b", self.broker.bootstrap)
                kcat(self.broker, "-P", "-t", f"codec-{codec}", "-z", codec, "-X", "acks=all", input=lines)
                back = kcat(self.broker, "-C", "-t", f"codec-{codec}", "-o", "beginning", "-e", "-q").stdout
                self.assertEqual(back, lines)

    def test_keys_headers_and_nulls(self):
        ottla("topic", "create", "shapes", "-b", self.broker.bootstrap)
        kcat(self.broker, "-P", "-t", "shapes", "-K", ":", "-Z", "-H", "trace=7", "-H", "empty=", input="k1:v1\nk2:\n:v3\n")
        seen = kcat(self.broker, "-C", "-t", "shapes", "-o", "beginning", "-e", "-q", "-f", "%o|%K|%k|%S|%s|%h\n").stdout.splitlines()
        self.assertEqual(seen, ["0|2|k1|2|v1|trace=7,empty=", "1|2|k2|-1||trace=7,empty=", "2|-1||2|v3|trace=7,empty="])

    def test_an_absent_topic_is_created_when_producing(self):
        kcat(self.broker, "-P", "-t", "made-on-demand", input="hello\n")
        self.assertEqual(kcat(self.broker, "-C", "-t", "made-on-demand", "-o", "beginning", "-e", "-q").stdout, "hello\n")

    def test_offsets_by_number_tail_and_time(self):
        ottla("topic", "create", "offsets", "-b", self.broker.bootstrap)
        kcat(self.broker, "-P", "-t", "offsets", input="".join(f"{i}\n" for i in range(100)))
        consume = lambda start: kcat(self.broker, "-C", "-t", "offsets", "-p", "0", "-o", start, "-e", "-q").stdout.split()
        self.assertEqual(consume("97"), ["97", "98", "99"])
        self.assertEqual(consume("-2"), ["98", "99"])
        self.assertEqual(len(consume("s@0")), 100)


if __name__ == "__main__":
    main()
