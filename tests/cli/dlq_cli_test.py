#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ottla dlq …` and `ottla replay` as a user meets them: what is chosen, what is written, and that nothing goes twice."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from cases import BrokerCase, UsageCase  # noqa: E402
from harness import Broker, Connection, eventually, main, ottla, program  # noqa: E402


def text_in(path):
    with open(path) as file:
        return file.read()


class Usage(UsageCase):
    def test_what_is_wrongly_asked_ends_with_2(self):
        self.refused("dlq", says=["subcommand"])
        self.refused("dlq", "list", says=["topic"])
        self.refused("dlq", "redrive", "dead", "--rate", "0", says=["--rate"])
        self.refused("dlq", "redrive", "dead", "--since", "yesterday", says=["--since", "yesterday"])
        self.refused("replay", says=["--from"])
        self.refused("replay", "--from", "a", says=["--to"])
        self.refused("replay", "--from", "a", "--from-file", "b", "--to", "c", says=["--from"])
        self.refused("replay", "--from-file", "a", "--to-file", "b", says=["cp"])
        self.refused("replay", "--from", "a", "--to", "a", says=["itself"])
        self.refused("replay", "--from", "a", "--to-file", "b", "--group", "g", says=["--group"])
        self.refused("replay", "--from-file", "a", "--to", "b", "--since", "2026-01-01", says=["--from-file"])
        self.refused("replay", "--from-file", "/nowhere.jsonl", "--to", "b", "-b", "127.0.0.1:1", says=["/nowhere.jsonl"])


class Served(BrokerCase):
    CONFIG = ["auto.create.topics.enable=false"]

    def setUp(self):
        self.dir = self.enterContext(tempfile.TemporaryDirectory())

    def create(self, *topics, partitions=1):
        for topic in topics:
            self.ottla("topic", "create", topic, "-p", partitions)

    def records(self, topic):
        out = self.ottla("consume", topic, "-O", "start", "-e", "-o", "json").stdout
        return [json.loads(line) for line in out.splitlines()]

    def values(self, topic):
        return [r["value"] for r in self.records(topic)]


class DeadLetters(Served):
    def letters(self, dead, origin, error, values, group="billing", key="k", more=()):
        """Letters as a ParallelConsumer writes them."""
        headers = ["source=shop", *more, f"dead-letter.topic={origin}", "dead-letter.partition=3", "dead-letter.offset=17",
                   "dead-letter.timestamp=1700000000000", f"dead-letter.group={group}", "dead-letter.attempts=4",
                   f"dead-letter.error={error}"]
        self.ottla("produce", dead, "-k", ":", *[w for h in headers if h for w in ("-H", h)],
                   input="".join(f"{key}:{v}\n" for v in values))

    def redrive(self, dead, *words):
        return self.json("dlq", "redrive", dead, *words)

    def test_letters_are_counted_and_shown(self):
        self.create("d1")
        self.letters("d1", "orders", "no such account", ["a", "b"])
        self.letters("d1", "orders", "timed out", ["c"], key="other")
        self.letters("d1", "refunds", "timed out", ["d"])
        self.ottla("produce", "d1", input="not a letter\n")
        listed = {(r["origin"], r["error"]): r for r in self.json("dlq", "list", "d1")}
        self.assertEqual({k: r["letters"] for k, r in listed.items()},
                         {("orders", "no such account"): 2, ("orders", "timed out"): 1, ("refunds", "timed out"): 1, ("", ""): 1})
        self.assertEqual((listed["orders", "no such account"]["first"], listed["orders", "no such account"]["last"]),
                         ("0@0", "0@1"))
        self.assertGreaterEqual(listed["orders", "no such account"]["newest"], listed["orders", "no such account"]["oldest"])
        text = self.ottla("dlq", "list", "d1", "--origin", "orders", "--error", "timed").stdout
        self.assertEqual(len(text.splitlines()), 2, text)
        for word in ["ORIGIN", "orders", "billing", "timed out"]:
            self.assertIn(word, text)
        shown = self.ottla("dlq", "show", "d1", "--key", "other").stdout
        for word in ["d1[0]@2 of orders[3]@17", "group billing", "4 attempts", "timed out", "key=other value=c", "source=shop"]:
            self.assertIn(word, shown)
        self.assertEqual(len(self.ottla("dlq", "show", "d1", "-n", 2).stdout.splitlines()), 4)
        lines = self.ottla("dlq", "show", "d1", "--from-offset", 1, "--to-offset", 3, "-o", "json").stdout.splitlines()
        self.assertEqual([json.loads(line)["value"] for line in lines], ["b", "c"])
        self.assertEqual(self.json("dlq", "list", "d1", "--until", "2020-01-01"), [])
        self.assertEqual(len(self.json("dlq", "list", "d1", "--since", "2020-01-01")), 4)
        self.fails("dlq", "list", "nowhere", says=["nowhere"])

    def test_a_redrive_shows_its_plan_and_does_it_with_yes_once(self):
        self.create("d2", "orders2", "refunds2")
        self.letters("d2", "orders2", "timed out", ["a", "b"], more=["dead-letter.redriven=2"])
        self.letters("d2", "refunds2", "timed out", ["c"])
        plan = self.ottla("dlq", "redrive", "d2")
        self.assertIn("--yes does it", plan.stderr)
        self.assertEqual([r["letters"] for r in self.redrive("d2")], [2, 1])
        self.assertEqual(self.values("orders2"), [])
        done = self.redrive("d2", "--yes")
        self.assertEqual([(r["origin"], r["to"], r["written"], r["failed"]) for r in done],
                         [("orders2", "orders2", 2, 0), ("refunds2", "refunds2", 1, 0)])
        back = self.records("orders2")
        self.assertEqual([(r["key"], r["value"]) for r in back], [("k", "a"), ("k", "b")])
        self.assertEqual(back[0]["headers"], [{"key": "source", "value": "shop"}, {"key": "dead-letter.redriven", "value": "3"}])
        self.assertEqual(self.records("refunds2")[0]["headers"][-1], {"key": "dead-letter.redriven", "value": "1"})
        self.assertEqual(self.redrive("d2", "--yes"), [], "nothing twice")
        self.assertIn("ottla-redrive-d2", self.ottla("dlq", "redrive", "d2").stderr)
        self.letters("d2", "orders2", "again", ["d"])
        self.assertEqual([r["written"] for r in self.redrive("d2", "--yes")], [1])
        self.assertEqual(self.values("orders2"), ["a", "b", "d"])

    def test_choices_one_after_the_other_write_each_letter_once(self):
        self.create("d3", "orders3", partitions=2)
        for i in range(40):
            self.letters("d3", "orders3", "odd" if i % 2 else "even", [f"v{i}"], key=f"k{i % 5}")
        self.assertEqual([r["written"] for r in self.redrive("d3", "--error", "odd", "--yes")], [20])
        self.assertEqual([r["written"] for r in self.redrive("d3", "--key", "k1", "--yes")], [4])
        self.assertEqual([r["letters"] for r in self.redrive("d3", "--from-offset", 1000)], [])
        some = self.redrive("d3", "-p", 0, "--from-offset", 5, "--yes")
        self.assertLessEqual(sum(r["written"] for r in some), 16)
        rest = self.redrive("d3", "--yes")
        self.assertEqual(sum(r["written"] for r in some + rest), 16)
        self.assertEqual(sorted(self.values("orders3")), sorted(f"v{i}" for i in range(40)))
        committed, = self.json("group", "offsets", "ottla-redrive-d3", "--no-times")
        self.assertEqual([p["lag"] for p in committed["partitions"]], [0, 0])
        self.assertEqual([p["metadata"] for p in committed["partitions"]], ["", ""])
        # Another group knows nothing of it.
        self.assertEqual([r["letters"] for r in self.redrive("d3", "--group", "mine")], [40])

    def test_to_another_topic(self):
        self.create("d4", "elsewhere4")
        self.letters("d4", "gone4", "e", ["a"])
        self.ottla("produce", "d4", input="not a letter\n")
        self.fails("dlq", "redrive", "d4", "--yes", says=["gone4"])
        plan = self.fails("dlq", "redrive", "d4", says=["nothing goes to topic 'gone4'"])
        self.assertIn("1 records do not say where they come from", plan.stderr)
        self.assertEqual(sum(r["written"] for r in self.redrive("d4", "--to", "elsewhere4", "--yes")), 2)
        self.assertEqual(self.values("elsewhere4"), ["a", "not a letter"])

    def test_what_cannot_be_written_stays(self):
        self.create("d5")
        self.ottla("topic", "create", "small5", "-c", "max.message.bytes=2000")
        self.letters("d5", "small5", "e", ["a", "x" * 3000, "b"])
        done = self.ottla("dlq", "redrive", "d5", "--yes", "-o", "json", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("d5[0]@1", done.stderr)
        self.assertEqual([(r["written"], r["failed"]) for r in json.loads(done.stdout)], [(2, 1)])
        self.assertEqual([r["letters"] for r in self.redrive("d5")], [1], "only that is left")

    def test_an_offset_without_a_map_says_that_all_before_it_has_gone(self):
        self.create("d6", "orders6")
        self.letters("d6", "orders6", "e", ["a"])
        self.ottla("group", "reset", "strange", "--topic", "d6", "--to-latest", "--yes")
        self.assertEqual(self.redrive("d6", "--group", "strange"), [])

    def test_bytes_of_others_are_told_safely(self):
        self.create("d11")
        # Cut within a character; not UTF-8; what a terminal would obey.
        self.letters("d11", "or\udcff", "cut \udce2\udc82", ["a"], group="\x1b]0;mine\x07")
        self.letters("d11", "orders", "\x1b[2J", ["\x1b[31mred\u009b"], key="\x08k")
        listed = self.json("dlq", "list", "d11")
        self.assertEqual(sorted((r["origin"], r["group"], r["error"]) for r in listed),
                         [("orders", "billing", "\x1b[2J"), ("or\ufffd", "\x1b]0;mine\x07", "cut \ufffd\ufffd")])
        plan = self.ottla("dlq", "redrive", "d11", "-o", "json", check=False)
        self.assertEqual(sorted(r["origin"] for r in json.loads(plan.stdout)), ["orders", "or\ufffd"])
        for done in [plan, *(self.ottla("dlq", verb, "d11", check=False) for verb in ["list", "show", "redrive"])]:
            for told in [done.stdout, done.stderr]:
                self.assertNotRegex(told, "[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f]")
        for verb in ["list", "show", "redrive"]:
            for output in ["text", "json"]:
                raw = subprocess.run([program("ottla"), "dlq", verb, "d11", "-o", output, "-b", self.broker.bootstrap], capture_output=True)
                (raw.stdout + raw.stderr).decode()  # all of it is UTF-8
        shown = self.ottla("dlq", "show", "d11").stdout
        for word in [r"of or\xff[3]", r"cut \xe2\x82", r"group \x1b]0;mine\x07", r"key=\x08k value=\x1b[31mred\xc2\x9b"]:
            self.assertIn(word, shown)

    def test_a_topic_that_is_gone_holds_up_no_others(self):
        self.create("d8", "orders8", "late8")
        self.letters("d8", "orders8", "e", [f"v{i}" for i in range(300)])
        self.letters("d8", "gone8", "e", ["x", "y"])
        self.letters("d8", "late8", "e", ["z"])
        plan = self.ottla("dlq", "redrive", "d8", check=False)
        self.assertEqual(plan.returncode, 1)
        for word in ["gone8", "knows of nothing yet: all 301 letters go"]:
            self.assertIn(word, plan.stderr)
        for again in range(2):
            done = self.ottla("dlq", "redrive", "d8", "--yes", "-o", "json", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("gone8", done.stderr)
            self.assertEqual([(r["origin"], r["letters"], r["written"], r["failed"]) for r in json.loads(done.stdout)],
                             [("gone8", 2, 0, 2)] + ([] if again else [("late8", 1, 1, 0), ("orders8", 300, 300, 0)]))
        self.assertNotIn("knows of nothing", self.ottla("dlq", "redrive", "d8", check=False).stderr)
        self.assertEqual(self.values("orders8"), [f"v{i}" for i in range(300)])
        self.create("gone8")
        self.redrive("d8", "--yes")
        self.assertEqual(self.values("gone8"), ["x", "y"])

    def test_a_group_that_may_not_commit_lets_nothing_be_written(self):
        self.create("d9", "orders9")
        self.letters("d9", "orders9", "e", ["a"])
        member = subprocess.Popen([program("ottla"), "consume", "orders9", "-g", "ottla-redrive-d9", "-b", self.broker.bootstrap],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: self.assertEqual(self.json("group", "describe", "ottla-redrive-d9")[0]["state"], "Stable"))
            self.fails("dlq", "redrive", "d9", "--yes", says=["'ottla-redrive-d9' has other members"])
        finally:
            member.terminate()
            member.wait()
        self.assertEqual(self.values("orders9"), [])
        eventually(lambda: self.assertEqual([r["written"] for r in self.redrive("d9", "--yes")], [1]))

    def test_a_choice_that_is_too_scattered_writes_nothing_that_it_cannot_keep(self):
        self.create("d10", "orders10")
        chance = random.Random(1)
        self.ottla("produce", "d10", "-k", ":", "-H", "dead-letter.topic=orders10",
                   input="".join(f"{chance.choice('ab')}:{i}\n" for i in range(40000)))
        self.fails("dlq", "redrive", "d10", "--key", "a", "--yes", says=["too scattered", "letters were written"])
        first = self.values("orders10")
        self.assertGreater(len(first), 5000)
        self.fails("dlq", "redrive", "d10", "--key", "a", "--yes", says=["too scattered"])
        self.assertEqual(self.values("orders10"), first, "what had gone went again")
        self.assertEqual([r["written"] for r in self.redrive("d10", "--yes")], [40000 - len(first)])
        self.assertEqual(sorted(self.values("orders10"), key=int), [str(i) for i in range(40000)])

    def test_two_at_a_time_for_one_group_do_not_write_the_same(self):
        self.create("d12", "orders12")
        self.letters("d12", "orders12", "e", [f"v{i}" for i in range(60)])
        slow = subprocess.Popen([program("ottla"), "dlq", "redrive", "d12", "--yes", "--rate", "20", "-b", self.broker.bootstrap],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually(lambda: self.assertGreaterEqual(len(self.values("orders12")), 6))
        self.fails("dlq", "redrive", "d12", "--yes", says=["'ottla-redrive-d12' has other members", "--group"])
        self.assertIn("nothing was written yet", self.ottla("dlq", "redrive", "d12").stderr, "a plan is none the worse")
        out, err = slow.communicate(timeout=60)
        self.assertEqual(slow.returncode, 0, (out, err))
        self.assertEqual(self.values("orders12"), [f"v{i}" for i in range(60)])
        self.assertEqual(self.redrive("d12", "--yes"), [])
        # Two that begin at once: one of them, or neither.
        self.letters("d12", "orders12", "e", [f"w{i}" for i in range(60)])
        both = [subprocess.Popen([program("ottla"), "dlq", "redrive", "d12", "--yes", "-b", self.broker.bootstrap],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        for one in both:
            one.communicate(timeout=60)
        eventually(lambda: self.assertEqual(self.ottla("dlq", "redrive", "d12", "--yes", check=False).returncode, 0))
        self.assertEqual(sorted(self.values("orders12"), key=lambda v: (v[0], int(v[1:]))),
                         [f"v{i}" for i in range(60)] + [f"w{i}" for i in range(60)])

    def test_at_a_rate_stopped_and_gone_on(self):
        self.create("d7", "orders7")
        self.letters("d7", "orders7", "e", [f"v{i}" for i in range(60)])
        slow = subprocess.Popen([program("ottla"), "dlq", "redrive", "d7", "--yes", "--rate", "20", "-b", self.broker.bootstrap],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually(lambda: self.assertGreaterEqual(len(self.values("orders7")), 6))
        slow.send_signal(signal.SIGTERM)
        out, err = slow.communicate(timeout=20)
        self.assertEqual(slow.returncode, 1, (out, err))
        self.assertIn(b"goes on from here", err)
        first = len(self.values("orders7"))
        self.assertLess(first, 60, "it was not as slow as it was told")
        self.assertEqual([r["written"] for r in self.redrive("d7", "--yes")], [60 - first])
        self.assertEqual(self.values("orders7"), [f"v{i}" for i in range(60)])


class Replay(Served):
    def fill(self, topic, count, partition=0, *words):
        self.ottla("produce", topic, "-p", partition, "-k", ":", *words, input="".join(f"k{i % 3}:v{i}\n" for i in range(count)))

    def replay(self, *args, **options):
        return self.ottla("replay", *args, **options).stdout

    def test_from_topic_to_topic_chosen_by_range_and_text(self):
        self.create("a1", "b1", "c1", "e1", partitions=2)
        self.fill("a1", 30, 0, "-H", "source=shop")
        self.fill("a1", 30, 1)
        self.assertEqual(self.replay("--from", "a1", "--to", "b1", "--keep-partitions"), "60 records looked at, 60 copied\n")
        as_they_are = lambda topic: [(r["partition"], r["timestamp"], r["key"], r["value"], r["headers"]) for r in sorted(
            self.records(topic), key=lambda r: (r["partition"], r["offset"]))]
        self.assertEqual(as_they_are("b1"), as_they_are("a1"))
        out = self.replay("--from", "a1", "--to", "c1", "-p", 0, "--from-offset", 10, "--to-offset", 20, "--key", "k1")
        self.assertEqual(out, "10 records looked at, 4 copied\n")
        self.assertEqual(sorted(self.values("c1")), ["v10", "v13", "v16", "v19"])
        self.assertIn(" 30 copied", self.replay("--from", "a1", "--to", "e1", "--header", "source=sh"))
        self.assertIn(" 2 copied", self.replay("--from", "a1", "--to", "e1", "--value", "v17"))
        self.assertIn("0 records looked at", self.replay("--from", "a1", "--to", "e1", "--until", "2020-01-01T00:00:00Z"))
        self.assertIn("60 records looked at", self.replay("--from", "a1", "--to", "e1", "--since", "2020-01-01", "--new-times"))
        self.fails("replay", "--from", "a1", "--to", "nowhere", says=["nowhere"])
        self.fails("replay", "--from", "nowhere", "--to", "a1", says=["nowhere"])
        self.fails("replay", "--from", "a1", "--to", "b1", "-p", 7, says=["no partition 7"])

    def test_with_a_group_it_goes_on(self):
        self.create("a2", "b2")
        self.fill("a2", 10)
        self.assertIn("10 copied", self.replay("--from", "a2", "--to", "b2", "--group", "copy2"))
        self.assertIn("0 copied", self.replay("--from", "a2", "--to", "b2", "--group", "copy2"))
        self.fill("a2", 5)
        self.assertIn("5 copied", self.replay("--from", "a2", "--to", "b2", "--group", "copy2"))
        self.assertEqual(self.values("b2"), self.values("a2"))

    def test_to_a_file_and_back(self):
        self.create("a3", "b3", "c3")
        path = os.path.join(self.dir, "records.jsonl")
        self.ottla("produce", "a3", "-k", ":", "-Z", "-H", "h=1", "-H", "h=2", "-H", "empty=", input=b"k:v\n:no key\nnull:\n\xff\x00:\xfe\n")
        self.ottla("produce", "a3", "-k", ":", input="empty:\n:empty key\n")
        self.assertIn("6 copied", self.replay("--from", "a3", "--to-file", path))
        self.assertEqual(text_in(path), self.ottla("consume", "a3", "-O", "start", "-e", "-o", "json").stdout)
        self.assertIn("6 copied", self.replay("--from-file", path, "--to", "b3"))
        as_they_are = lambda topic: [{k: v for k, v in r.items() if k != "topic"} for r in self.records(topic)]
        self.assertEqual(as_they_are("b3"), as_they_are("a3"))
        self.assertIn("0 copied", self.replay("--from-file", path, "--to", "b3"), "it knows how far it came")
        self.assertIn("2 copied", self.replay("--from-file", path, "--to", "c3", "--value", "e"))
        # More of the topic goes behind.
        self.fill("a3", 3)
        self.assertIn("3 copied", self.replay("--from", "a3", "--to-file", path))
        self.assertEqual(len(text_in(path).splitlines()), 9)
        self.assertIn("3 copied", self.replay("--from-file", path, "--to", "b3"))

    def test_a_file_that_is_torn_is_mended(self):
        self.create("a4")
        path = os.path.join(self.dir, "torn.jsonl")
        self.fill("a4", 5)
        self.replay("--from", "a4", "--to-file", path)
        whole = text_in(path)
        self.fill("a4", 5)
        with open(path, "a") as file:
            file.write('{"topic":"a4","partition":0,"off')  # a kill in the middle of a write
        self.assertIn("5 copied", self.replay("--from", "a4", "--to-file", path))
        self.assertEqual(text_in(path)[:len(whole)], whole)
        self.assertEqual(text_in(path), self.ottla("consume", "a4", "-O", "start", "-e", "-o", "json").stdout)

    def test_files_of_somebody_else(self):
        self.create("a5", "b5")
        self.fill("a5", 2)
        path = os.path.join(self.dir, "mine.jsonl")
        with open(path, "w") as file:
            file.write("dear to me\n")
        done = self.ottla("replay", "--from", "a5", "--to-file", path, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(text_in(path), "dear to me\n")
        self.fails("replay", "--from-file", path, "--to", "b5", says=[path, "byte 0", "not JSON"])
        good = '{"key":null,"value":"1"}\n'
        for bad in ["[]", '{"key":"k"}', '{"key":1,"value":null}', '{"key":null,"value_base64":"?"}', '{"key":null,"value":"v","headers":[{}]}']:
            other = os.path.join(self.dir, "bad.jsonl")
            with open(other, "w") as file:
                file.write(good + bad + "\n")
            self.fails("replay", "--from-file", other, "--to", "b5", says=[f"byte {len(good)}"])
            os.unlink(other + ".to-b5.progress")
        with open(path + ".to-b5.progress", "w") as file:
            file.write("{}")
        self.fails("replay", "--from-file", path, "--to", "b5", says=["is not the progress of a replay"])

    def test_one_that_is_refused_is_named_and_holds_back_only_what_is_behind_it(self):
        self.create("a7")
        self.ottla("topic", "create", "small7", "-c", "max.message.bytes=2000")
        self.ottla("topic", "create", "smallf7", "-c", "max.message.bytes=2000")
        self.ottla("produce", "a7", input="".join(f"v{i}\n" for i in range(50)) + "x" * 3000 + "\nlast\n")
        copied = [f"v{i}" for i in range(50)]
        for behind in 1, 2:
            self.fails("replay", "--from", "a7", "--to", "small7", "--group", "copy7", says=["a7[0]@50 was refused"])
            self.assertEqual(self.values("small7"), copied + ["last"] * behind, "what was acknowledged went again")
        path = os.path.join(self.dir, "large.jsonl")
        self.replay("--from", "a7", "--to-file", path)
        at = sum(len(line) + 1 for line in text_in(path).splitlines()[:50])
        for behind in 1, 2:
            self.fails("replay", "--from-file", path, "--to", "smallf7", says=[path, f"at byte {at}: was refused"])
            self.assertEqual(self.values("smallf7"), copied + ["last"] * behind)

    def test_records_above_a_megabyte_go_where_the_topic_takes_them(self):
        for topic in "a8", "b8", "c8":
            self.ottla("topic", "create", topic, "-c", "max.message.bytes=5000000")
        self.ottla("produce", "a8", "-X", "message.max.bytes=5000000", "-H", "dead-letter.topic=c8", input="x" * 2_000_000 + "\n")
        self.assertIn("1 copied", self.replay("--from", "a8", "--to", "b8"))
        self.assertEqual([r["written"] for r in self.json("dlq", "redrive", "a8", "--yes")], [1])
        self.assertEqual([len(v) for v in self.values("b8") + self.values("c8")], [2_000_000] * 2)
        self.fails("replay", "--from", "a8", "--to", "b8", "-X", "message.max.bytes=1000000", says=["a8[0]@0 was refused"])

    def test_progress_beside_a_file_is_of_one_cluster_topic_file_and_choice(self):
        self.create("a9", "b9")
        self.fill("a9", 20)
        out, back = os.path.join(self.dir, "out.jsonl"), os.path.join(self.dir, "back.jsonl")
        self.replay("--from", "a9", "--to-file", out)
        shutil.copy(out, back)
        self.replay("--from-file", back, "--to", "b9")

        def refused(*args, says, bootstrap=self.broker.bootstrap):
            done = ottla("replay", *args, "-b", bootstrap, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            for word in [says, "remove"]:
                self.assertIn(word, done.stderr)

        refused("--from-file", back, "--to", "b9", "--key", "k1", says="choice")
        refused("--from", "a9", "--to-file", out, "--from-offset", 3, says="choice")
        # The same by name elsewhere.
        with Broker(memory=True) as other:
            for topic in "a9", "b9":
                ottla("topic", "create", topic, "-b", other.bootstrap)
            refused("--from-file", back, "--to", "b9", says="cluster", bootstrap=other.bootstrap)
            refused("--from", "a9", "--to-file", out, says="cluster", bootstrap=other.bootstrap)
        # Exported anew, and longer.
        with open(back, "w") as file:
            file.write("".join(json.dumps({"key": None, "value": f"new {i}" * 100}) + "\n" for i in range(100)))
        refused("--from-file", back, "--to", "b9", says="of another file")
        os.unlink(back + ".to-b9.progress")
        self.assertIn("100 copied", self.replay("--from-file", back, "--to", "b9"))
        # The topic is another of this name.
        self.ottla("topic", "delete", "a9")
        eventually(lambda: self.create("a9"))
        self.fill("a9", 3)
        refused("--from", "a9", "--to-file", out, says="topic of this name")

    def test_progress_that_is_not_in_the_log_is_told(self):
        self.create("a10", "b10", "e10")
        self.fill("a10", 10)
        path = os.path.join(self.dir, "a10.jsonl")
        self.replay("--from", "a10", "--to-file", path)
        self.replay("--from", "a10", "--to", "b10", "--group", "copy10")
        with open(path + ".progress") as file:
            progress = json.load(file)
        progress["offsets"]["0"] = 17
        with open(path + ".progress", "w") as file:
            json.dump(progress, file)
        self.fails("replay", "--from", "a10", "--to-file", path, says=["a10[0]", "says 17", "ends at 10"])
        # Below the begin: what is left is copied, and what is not is told.
        self.ottla("group", "reset", "below10", "--topic", "a10", "--to-offset", 2, "--yes")
        self.ottla("topic", "delete-records", "a10:0:4")
        done = self.ottla("replay", "--from", "a10", "--to", "e10", "--group", "below10")
        self.assertIn("6 copied", done.stdout)
        for word in ["group 'below10' says 2", "begins at 4"]:
            self.assertIn(word, done.stderr)
        # A group that knows of offsets that are not there.
        text = lambda t: struct.pack(">h", len(t)) + t
        wire = Connection(self.broker.bootstrap)
        wire.ask(8, 2, text(b"past10") + struct.pack(">i", -1) + text(b"") + struct.pack(">qi", -1, 1) + text(b"a10")
                 + struct.pack(">iiqh", 1, 0, 17, -1), flexible=False)
        wire.close()
        self.fails("replay", "--from", "a10", "--to", "b10", "--group", "past10", says=["group 'past10' says 17", "ends at 10"])
        self.fails("dlq", "redrive", "a10", "--to", "b10", "--group", "past10", says=["'past10'", "reaches to 17", "ends at 10"])

    def test_a_rate_is_kept_and_a_stop_goes_on(self):
        self.create("a6", "b6")
        self.fill("a6", 60)
        began = time.monotonic()
        self.assertIn("60 copied", self.replay("--from", "a6", "--to", "b6", "--rate", 120))
        self.assertGreater(time.monotonic() - began, 0.4)
        path = os.path.join(self.dir, "slow.jsonl")
        slow = subprocess.Popen([program("ottla"), "replay", "--from", "a6", "--to-file", path, "--rate", "20", "-b", self.broker.bootstrap],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually(lambda: self.assertTrue(os.path.exists(path) and os.path.getsize(path) > 0))
        slow.kill()
        slow.communicate()
        self.replay("--from", "a6", "--to-file", path)
        self.assertEqual([json.loads(line)["value"] for line in text_in(path).splitlines()], self.values("a6"))


if __name__ == "__main__":
    main()
