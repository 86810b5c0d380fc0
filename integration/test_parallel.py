#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A group that moves between our ParallelConsumer and Confluent's Java library, in both directions: what is done, out of
order and beyond the committed offset, is not done again, whoever reads the other's map."""
import os
import random
import select
import subprocess
import unittest

from harness import PEERS, ROOT, Broker, RegistryOutOfReach, apache_kafka, create_topic, main, ottla, program, run

MEMBER = os.path.join(ROOT, "integration", "java", "parallel-member")
ENV = dict(os.environ, OTTLA_PEERS=PEERS)


def setup():
    done = run([MEMBER, "setup"], timeout=600, check=False, env=ENV)
    if done.returncode:
        raise RegistryOutOfReach("parallel-consumer-core 0.5.3.3 (Maven)", (done.stdout + done.stderr).strip()[-300:])


class Member:
    """One of either kind, that leaves the offsets `failing` undone."""

    def __init__(self, command, bootstrap, group, topic, failing=()):
        args = [*command, bootstrap, group, topic, "16"] + ([",".join(map(str, sorted(failing)))] if failing else [])
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
        self.done = []

    def await_done(self, count, seconds=60):
        while len(self.done) < count:
            self.done.append(int(self.line(seconds).split()[1]))

    def line(self, seconds):
        line = read_one(self.process, seconds)
        assert line.startswith("DONE "), line
        return line

    def leave(self):
        out, err = self.process.communicate(timeout=60)
        lines = out.decode().splitlines()
        assert lines and lines[-1] == "CLOSED", (lines[-3:], err.decode()[-2000:])
        self.done += [int(line.split()[1]) for line in lines[:-1]]
        return self.done


def read_one(process, seconds):
    # Not more than the line: communicate() takes the rest.
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        if not ready:
            raise AssertionError(f"nothing is said within {seconds} s")
        byte = os.read(process.stdout.fileno(), 1)
        if not byte:
            raise AssertionError(f"it ended: {process.stderr.read().decode()[-2000:]}")
        line += byte
    return line.decode().rstrip("\n")


OURS = [program("parallel_member")]
THEIRS = [MEMBER, "work"]


class Moves(unittest.TestCase):
    RECORDS = 3000

    @classmethod
    def setUpClass(cls):
        setup()

    def fill(self, bootstrap, topic):
        create_topic(bootstrap, topic, 1)
        ottla("produce", topic, "-b", bootstrap, input="".join(f"{i}\n" for i in range(self.RECORDS)))

    def moves(self, bootstrap, members, name, left_undone):
        """Each of `members` leaves the offsets in its place of `left_undone` to the next."""
        topic, group = f"t-{name}", f"g-{name}"
        self.fill(bootstrap, topic)
        expected = set(range(self.RECORDS))
        for command, failing in zip(members, left_undone):
            member = Member(command, bootstrap, group, topic, failing)
            member.await_done(len(expected - set(failing)))
            done = member.leave()
            self.assertEqual(sorted(done), sorted(expected - set(failing)), f"{name}: what {command} had done, and nothing twice")
            expected &= set(failing)
        self.assertEqual(expected, set())
        text = ottla("group", "offsets", group, "-b", bootstrap, "--no-times").stdout
        self.assertIn(str(self.RECORDS), text)

    # The maps of these are bits, runs, and large enough for zstd.
    def shapes(self):
        scattered = sorted(random.Random(1).sample(range(1, self.RECORDS), 400))
        return {"few": [5, 50, 2500], "runs": list(range(100, 1000)), "scattered": scattered}

    def from_ours_to_theirs_and_back(self, bootstrap, prefix):
        for name, first in self.shapes().items():
            second = first[1::2]
            for kind, members in {"ours-theirs-ours": [OURS, THEIRS, OURS], "theirs-ours-theirs": [THEIRS, OURS, THEIRS]}.items():
                with self.subTest(shape=name, members=kind):
                    self.moves(bootstrap, members, f"{prefix}-{name}-{kind}", [first, second, []])

    def test_at_our_broker(self):
        with Broker("-c", "group.initial.rebalance.delay.ms=0", memory=True) as broker:
            self.from_ours_to_theirs_and_back(broker.bootstrap, "o")

    def test_at_apache_kafka(self):
        with apache_kafka() as bootstrap:
            first = self.shapes()["scattered"]
            self.moves(bootstrap, [OURS, THEIRS, OURS], "k", [first, first[1::2], []])


if __name__ == "__main__":
    main()
