#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our codec against Apache Kafka's message classes: fresh bytes and JSON of every message at every version. And against its
specs: from the files in its jars comes the same code as from ours."""
import filecmp
import glob
import os
import pathlib
import random
import tempfile
import unittest
import zipfile

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

    def test_the_generator_reads_apache_kafkas_own_specs(self):
        kafka_setup()
        specs = os.path.join(ROOT, "protocol", "specs")
        with tempfile.TemporaryDirectory(prefix="ottla-specs-") as directory:
            for module in os.listdir(specs):
                jar, = glob.glob(os.path.join(kafka_env()["KAFKA_PEER"], "libs", f"kafka-{module}-[0-9]*.jar"))
                with zipfile.ZipFile(jar) as files:
                    files.extractall(os.path.join(directory, "kafka", module), [n for n in files.namelist() if n.endswith(".json")])
            made = {}
            for whose, root in [("ours", specs), ("kafka", os.path.join(directory, "kafka"))]:
                paths = sorted(map(str, pathlib.Path(root).rglob("*.json")))
                self.assertEqual(len(paths), 275, whose)
                listed = pathlib.Path(directory, f"{whose}.txt")
                listed.write_text("".join(path + "\n" for path in paths))
                made[whose] = pathlib.Path(directory, f"{whose}-made")
                run([program("ottla-generate"), made[whose] / "include", made[whose] / "source", "18", listed])
            names = {whose: sorted(str(f.relative_to(made[whose])) for f in made[whose].rglob("*") if f.is_file()) for whose in made}
            self.assertEqual(names["ours"], names["kafka"])
            self.assertGreater(len(names["ours"]), 4 * 250)
            self.assertEqual(filecmp.cmpfiles(made["ours"], made["kafka"], names["ours"], shallow=False)[1:], ([], []))


if __name__ == "__main__":
    main()
