#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our consumers with group.protocol=consumer (KIP-848) on a real Apache Kafka 4.3.1, beside its own: what they share, what they take over,
and that nothing is lost on the way."""
import signal
import subprocess
import tempfile
import time
import unittest

from harness import KAFKA, KafkaNode, eventually, kafka_env, kafka_run, main, ottla, program, run

CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
# So that a member who died is missed soon.
SOON = ["group.consumer.min.session.timeout.ms=3000", "group.consumer.session.timeout.ms=5000", "group.consumer.min.heartbeat.interval.ms=500",
        "group.consumer.heartbeat.interval.ms=500"]


class Member:
    """A process whose output are the values that it reads, a line for each."""

    def __init__(self, *words, env=None):
        self.out = tempfile.NamedTemporaryFile(prefix="ottla-member-", suffix=".out")
        self.err = tempfile.NamedTemporaryFile(prefix="ottla-member-", suffix=".err")
        self.process = subprocess.Popen(list(map(str, words)), stdout=self.out, stderr=self.err, env=env)

    def seen(self):
        with open(self.out.name) as lines:
            return [int(line) for line in lines.read().split("\n")[:-1] if line.isdigit()]

    def said(self):
        with open(self.err.name) as lines:
            return lines.read()[-3000:]

    def end(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        self.process.wait(30)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)
        self.out.close()
        self.err.close()


class ConsumerProtocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = KafkaNode(*SOON).up()
        cls.addClassCleanup(cls.kafka.remove)
        cls.bootstrap = cls.kafka.bootstrap

    def topic(self, name, partitions):
        ottla("topic", "create", name, "-p", partitions, "-b", self.bootstrap)
        return name

    def produce(self, topic, values):
        ottla("produce", topic, "-b", self.bootstrap, "-X", "partitioner=random", "-X", "sticky.partitioning.linger.ms=0",
              input="".join(f"{v}\n" for v in values))

    def classic(self, group, topic, *words):
        return self.enterContext(Member(program("ottla"), "consume", topic, "-b", self.bootstrap, "-g", group, "-O", "start", "-f", "%v\n",
                                        *words))

    def ours(self, group, topic, *words):
        return self.classic(group, topic, "-X", "group.protocol=consumer", *words)

    def javas(self, group, topic):
        return self.enterContext(Member(KAFKA, "run", CONSOLE, "--bootstrap-server", self.bootstrap, "--topic", topic, "--group", group,
                                        "--from-beginning", "--consumer-property", "group.protocol=consumer", env=kafka_env()))

    def assert_all(self, members, values):
        def check():
            seen = sorted(v for m in members for v in m.seen())
            self.assertEqual(sorted(set(seen)), list(values), "\n".join(m.said() for m in members))
        eventually(check, 30)

    def produce_until_all_read(self, topic, members, values, step=60):
        """More and more, until each member has read something new; all of them must have got everything then."""
        before = [len(m.seen()) for m in members]
        deadline = time.monotonic() + 60
        while True:
            self.produce(topic, range(values, values + step))
            values += step
            time.sleep(0.5)
            if all(len(m.seen()) > b for m, b in zip(members, before)):
                return values
            self.assertLess(time.monotonic(), deadline, "\n".join(m.said() for m in members))

    def test_members_of_ours_and_javas_share_and_take_over(self):
        topic, group = self.topic("mixed", 6), "g-mixed"
        a, b = self.ours(group, topic), self.ours(group, topic)
        count = self.produce_until_all_read(topic, [a, b], 0)
        java = self.javas(group, topic)
        count = self.produce_until_all_read(topic, [a, b, java], count)
        everybody = [a, b, java]
        self.assert_all(everybody, range(count))
        # Who leaves has committed: the others go on behind it.
        self.assertEqual(a.end().process.returncode, 0, a.said())
        count = self.produce_until_all_read(topic, [b, java], count)
        self.assert_all(everybody, range(count))
        # Who dies is missed, and may have read what it had not committed.
        java.end(signal.SIGKILL)
        self.produce(topic, range(count, count + 600))
        count += 600
        self.assert_all(everybody, range(count))
        self.assertEqual(b.end().process.returncode, 0, b.said())
        late = self.ours(group, topic)
        self.produce(topic, range(count, count + 60))
        eventually(lambda: self.assertEqual(sorted(late.seen()), list(range(count, count + 60)), late.said()), 30)

    def test_nothing_is_read_twice_where_everybody_leaves_in_order(self):
        topic, group = self.topic("orderly", 4), "g-orderly"
        count, all_members = 0, []
        for _ in range(3):
            member = self.ours(group, topic)
            all_members.append(member)
            living = [m for m in all_members if m.process.poll() is None]
            count = self.produce_until_all_read(topic, living, count)
            if len(living) > 1:
                self.assertEqual(living[0].end().process.returncode, 0, living[0].said())
        self.assert_all(all_members, range(count))
        seen = [v for m in all_members for v in m.seen()]
        self.assertEqual(len(seen), len(set(seen)), "read twice")

    def test_a_static_member_comes_back_and_a_second_of_its_name_is_told_so(self):
        topic, group = self.topic("static", 4), "g-static"
        named = ["-X", "group.instance.id=one"]
        first = self.ours(group, topic, *named)
        count = self.produce_until_all_read(topic, [first], 0)
        second = self.ours(group, topic, *named)
        second.process.wait(30)
        self.assertNotEqual(second.process.returncode, 0)
        self.assertIn("group.instance.id", second.said())
        first.end()
        self.produce(topic, range(count, count + 40))
        again = self.ours(group, topic, *named)
        eventually(lambda: self.assertEqual(sorted(again.seen()), list(range(count, count + 40)), again.said()), 30)

    def test_a_group_goes_over_from_the_classic_protocol_and_back(self):
        topic, group = self.topic("over", 4), "g-over"
        old = self.classic(group, topic)
        count = self.produce_until_all_read(topic, [old], 0)
        new = self.ours(group, topic)
        count = self.produce_until_all_read(topic, [old, new], count)
        self.assertEqual(old.end().process.returncode, 0, old.said())
        count = self.produce_until_all_read(topic, [new], count)
        again = self.classic(group, topic)
        count = self.produce_until_all_read(topic, [new, again], count)
        self.assertEqual(new.end().process.returncode, 0, new.said())
        count = self.produce_until_all_read(topic, [again], count)
        members = [old, new, again]
        self.assert_all(members, range(count))

    def test_kafkas_tools_see_our_member(self):
        topic, group = self.topic("seen", 2), "g-seen"
        member = self.ours(group, topic, "-X", "group.remote.assignor=range")
        self.produce_until_all_read(topic, [member], 0)
        state = kafka_run(GROUPS, "--bootstrap-server", self.bootstrap, "--describe", "--group", group, "--state").stdout
        self.assertIn("range", state)
        self.assertIn("Stable", state)
        members = kafka_run(GROUPS, "--bootstrap-server", self.bootstrap, "--describe", "--group", group, "--members", "--verbose").stdout
        self.assertIn("seen:0,1", members)
        unknown = self.ours(group, topic, "-X", "group.remote.assignor=best")
        unknown.process.wait(30)
        self.assertIn("group.remote.assignor is 'best'", unknown.said())

    def test_a_pattern_is_matched_by_the_coordinator(self):
        group = "g-pattern"
        for name in ("orders-eu", "orders-us", "no-orders"):
            self.topic(name, 1)
            self.produce(name, [len(name)])
        done = run([program("pattern_member"), self.bootstrap, group, "orders-.*", "2"], timeout=60)
        self.assertEqual(sorted(done.stdout.split()), ["orders-eu=9", "orders-us=9"])
        wrong = run([program("pattern_member"), self.bootstrap, group, "orders-(", "2"], timeout=60, check=False)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("'orders-('", wrong.stderr)

    def test_a_pattern_that_matches_nothing_waits_for_its_topics(self):
        member = self.ours("g-nothing", "^soon-.*", "-X", "metadata.max.age.ms=1000", "-X", "debug=cgrp")
        eventually(lambda: self.assertIn("STABLE", member.said()), 30)
        topic = self.topic("soon-there", 2)
        self.produce_until_all_read(topic, [member], 0)

    def test_a_topic_that_was_made_anew_is_read_anew(self):
        topic, group = self.topic("anew", 2), "g-anew"
        member = self.ours(group, topic, "-X", "auto.commit.interval.ms=200", "-X", "debug=cgrp,consumer")
        count = self.produce_until_all_read(topic, [member], 0)
        self.assert_all([member], range(count))
        ottla("topic", "delete", topic, "-b", self.bootstrap)
        eventually(lambda: self.assertIn("unassigned", member.said()), 30)
        self.topic(topic, 2)
        self.produce(topic, range(count, count + 40))
        self.assert_all([member], range(count + 40))

    def test_members_go_on_when_the_broker_was_killed(self):
        topic, group = self.topic("restarted", 4), "g-restarted"
        a, b = self.ours(group, topic), self.ours(group, topic)
        count = self.produce_until_all_read(topic, [a, b], 0)
        self.kafka.down(signal.SIGKILL)
        self.kafka.again(1)
        count = self.produce_until_all_read(topic, [a, b], count)
        self.assert_all([a, b], range(count))


if __name__ == "__main__":
    main()
