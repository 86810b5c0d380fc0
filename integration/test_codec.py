#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our codec against Apache Kafka's message classes: fresh bytes and JSON of every message at every version."""
import os
import random
import unittest

from harness import ROOT, kafka_env, kafka_setup, main, program, run


class Codec(unittest.TestCase):
    # Not splitlines(): Java's strings hold U+2028 and others of its line ends.
    def check(self, seed, *flags):
        kafka_setup()
        tool = os.path.join(ROOT, "integration", "java", "message-vectors")
        vectors = run([tool, str(seed), "12", *flags], env=kafka_env(), timeout=300).stdout.rstrip("\n").split("\n")
        self.assertGreater(len(vectors), 723 * 11)
        cut = "".join("\t".join(line.split("\t")[:3]) + "\n" for line in vectors)
        ours = run([program("ottla-wire"), "--lines"], input=cut, timeout=120).stdout.rstrip("\n").split("\n")
        self.assertEqual(len(ours), len(vectors))
        for java, mine in zip(vectors, ours):
            name, version, hexadecimal, json = java.split("\t")
            self.assertEqual(mine, f"{name}\t{version}\t{json}\t{hexadecimal}", f"seed {seed}")

    def test_bytes_and_json_are_those_of_java(self):
        self.check(random.SystemRandom().randrange(1 << 40))

    def test_unknown_tagged_fields_are_passed_on(self):
        self.check(random.SystemRandom().randrange(1 << 40), "unknown-tags")


if __name__ == "__main__":
    main()
