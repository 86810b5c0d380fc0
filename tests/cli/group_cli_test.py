#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ottla group …` as a user meets it: what is listed, shown, reset and deleted, and what is refused."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from cases import BrokerCase, UsageCase  # noqa: E402
from harness import eventually, main, ottla, program, read_line  # noqa: E402


class Usage(UsageCase):
    def test_what_is_wrongly_asked_ends_with_2(self):
        self.refused("group", says=["subcommand"])
        self.refused("group", "list", "--state", "asleep", says=["asleep", "Stable"])
        self.refused("group", "list", "--type", "queue", says=["queue", "Classic"])
        self.refused("group", "list", "--watch", "0", says=["--watch"])
        for verb in ["describe", "members", "offsets"]:
            self.refused("group", verb, says=["--all"])
            self.refused("group", verb, "g", "--all", says=["--all"])
        self.refused("group", "describe", "g", "--topic", "t:x", says=["t:x", "TOPIC:PARTITION"])
        self.refused("group", "delete", says=["name the groups"])
        self.refused("group", "delete-offsets", says=["group"])
        self.refused("group", "delete-offsets", "g", says=["--topic", "--all-topics"])
        self.refused("group", "delete-offsets", "g", "--all-topics", "--topic", "t", says=["--topic", "--all-topics"])

    def test_a_reset_says_what_it_needs(self):
        self.refused("group", "reset", "g", "--all-topics", says=["--to-earliest", "--from-file"])
        self.refused("group", "reset", "g", "--all-topics", "--to-earliest", "--to-latest", says=["once"])
        self.refused("group", "reset", "g", "--to-earliest", says=["--topic", "--all-topics"])
        self.refused("group", "reset", "g", "--to-earliest", "--topic", "t", "--all-topics", says=["--topic"])
        self.refused("group", "reset", "g", "--topic", "t", "--to-offset", "-1", says=["--to-offset"])
        self.refused("group", "reset", "g", "--topic", "t", "--shift-by", "some", says=["--shift-by"])
        self.refused("group", "reset", "g", "--topic", "t", "--to-datetime", "yesterday", says=["yesterday", "2026-"])
        self.refused("group", "reset", "g", "--topic", "t", "--by-duration", "1h", says=["1h", "PT90M"])
        self.refused("group", "reset", "g", "--from-file", "/nowhere.csv", says=["/nowhere.csv"])
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("t,0,1\nt,x,1\n")
            file.flush()
            self.refused("group", "reset", "g", "--from-file", file.name, says=[file.name, "line 2"])
            self.refused("group", "reset", "g", "--from-file", file.name, "--topic", "t", says=[file.name])


class Groups(BrokerCase):
    CONFIG = ["group.initial.rebalance.delay.ms=0"]

    def fill(self, topic, partitions=2, count=10):
        self.ottla("topic", "create", topic, "-p", partitions)
        for p in range(partitions):
            self.ottla("produce", topic, "-p", p, input="".join(f"{i}\n" for i in range(count)))

    def committed(self, group):
        one, = self.json("group", "offsets", group, "--no-times")
        return {f"{p['topic']}:{p['partition']}": p["committed"] for p in one["partitions"]}

    @contextlib.contextmanager
    def member(self, group, topic, *words):
        """One that has read something, and stays for the time of the block."""
        consumer = subprocess.Popen([program("ottla"), "consume", topic, "-g", group, "-O", "start", "-b", self.broker.bootstrap, *words],
                                    stdout=subprocess.PIPE)
        try:
            read_line(consumer.stdout, "", 20)
            yield consumer
        finally:
            consumer.send_signal(signal.SIGINT)
            self.assertEqual(consumer.wait(20), 0)
            consumer.stdout.close()

    def read(self, group, topic, count):
        self.ottla("consume", topic, "-g", group, "-O", "start", "-n", count)

    def test_groups_are_listed_and_described(self):
        self.fill("seen")
        self.read("seen-before", "seen", 20)
        with self.member("seen-now", "seen", "-X", "client.id=the-client"):
            listed = {g["group"]: g for g in self.json("group", "list")}
            self.assertEqual(listed["seen-now"], {"group": "seen-now", "type": "Classic", "state": "Stable", "protocol_type": "consumer"})
            self.assertEqual(listed["seen-before"]["state"], "Empty")
            stable = [g["group"] for g in self.json("group", "list", "--state", "stable", "--type", "classic,consumer")]
            self.assertIn("seen-now", stable)
            self.assertNotIn("seen-before", stable)
            self.assertEqual(self.json("group", "list", "--type", "share"), [])
            rows = [line.split() for line in self.ottla("group", "list").stdout.splitlines()]
            self.assertEqual(rows[0], ["GROUP", "TYPE", "STATE", "PROTOCOL"])
            self.assertIn(["seen-now", "Classic", "Stable", "consumer"], rows)

            now, before = self.json("group", "describe", "seen-now", "seen-before")
            self.assertEqual((now["state"], now["type"], now["error"], now["epoch"]), ("Stable", "Classic", None, None))
            self.assertGreaterEqual(now["coordinator"]["port"], 1)
            member, = now["members"]
            self.assertEqual((member["client"], member["instance"], member["topics"], member["target_assignment"]), ("the-client", None, ["seen"], None))
            self.assertEqual(member["assignment"], [{"topic": "seen", "partitions": [0, 1]}])
            self.assertEqual({p["member"] for p in now["partitions"]}, {member["member"]})
            self.assertEqual((before["members"], before["lag"]), ([], 0))
            self.assertEqual([(p["committed"], p["end_offset"], p["lag"], p["behind_ms"]) for p in before["partitions"]], [(10, 10, 0, 0)] * 2)

            text = self.ottla("group", "members", "seen-now").stdout.splitlines()
            self.assertEqual(text[0].split()[:3], ["GROUP", "MEMBER", "CLIENT"])
            self.assertIn("seen:0,1", text[1])
            self.assertEqual(self.json("group", "members", "seen-now")[0]["members"], [member])
            text = self.ottla("group", "describe", "seen-now").stdout.splitlines()
            self.assertRegex(text[0], r"^seen-now  Classic  Stable  \S+  1 members  coordinator \d+ at \S+:\d+  lag ")
            self.assertEqual(text[1].split(), ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "BEHIND", "CLIENT", "HOST"])
            self.assertEqual(text[2].split()[-2], "the-client")

    def test_lag_is_told_in_records_and_in_time(self):
        self.fill("late", 1, 10)
        self.read("late-group", "late", 10)
        self.assertEqual(self.json("group", "describe", "late-group")[0]["lag"], 0)
        self.ottla("produce", "late", input="a\nb\nc\n")
        one, = self.json("group", "offsets", "late-group")
        place, = one["partitions"]
        self.assertEqual((one["lag"], place["committed"], place["lag"], place["start_offset"]), (3, 10, 3, 0))
        first, *_, last = [int(t) for t in self.ottla("consume", "late", "-O", "10", "-e", "-f", "%d\n").stdout.split()]
        self.assertEqual(place["behind_end_ms"], last - first)
        age = int(time.time() * 1000) - first
        self.assertLessEqual(0, place["behind_ms"])
        self.assertLessEqual(place["behind_ms"], age)
        self.assertIsNone(self.json("group", "offsets", "late-group", "--no-times")[0]["partitions"][0]["behind_ms"])
        rows = [line.split() for line in self.ottla("group", "offsets", "late-group").stdout.splitlines()]
        self.assertEqual(rows[0], ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "START", "END", "LAG", "BEHIND", "METADATA"])
        self.assertEqual(rows[1][:7], ["late-group", "late", "0", "10", "0", "13", "3"])
        self.assertRegex(rows[1][7], r"^\d+(ms|s|m)")

    def test_a_reset_shows_its_plan_and_does_it_with_yes(self):
        self.fill("reset")
        self.read("reset-group", "reset", 20)
        shown = self.ottla("group", "reset", "reset-group", "--topic", "reset", "--to-offset", 3)
        self.assertEqual([line.split() for line in shown.stdout.splitlines()],
                         [["TOPIC", "PARTITION", "FROM", "TO", "RECORDS", "TO", "READ"], ["reset", "0", "10", "3", "7"], ["reset", "1", "10", "3", "7"]])
        self.assertIn("--yes does it", shown.stderr)
        self.assertEqual(self.committed("reset-group"), {"reset:0": 10, "reset:1": 10})

        def reset(*words):
            plan = self.json("group", "reset", "reset-group", *words, "--yes")
            self.assertTrue(all(p["done"] and p["error"] is None for p in plan), plan)
            after = self.committed("reset-group")
            self.assertTrue(all(after[f"{p['topic']}:{p['partition']}"] == p["to"] for p in plan), (plan, after))
            return after

        self.assertEqual(reset("--topic", "reset", "--to-offset", 3), {"reset:0": 3, "reset:1": 3})
        self.assertEqual(reset("--all-topics", "--shift-by", 4), {"reset:0": 7, "reset:1": 7})
        self.assertEqual(reset("--topic", "reset:1", "--shift-by", -2), {"reset:0": 7, "reset:1": 5})
        self.assertEqual(reset("--topic", "reset:0", "--to-earliest"), {"reset:0": 0, "reset:1": 5})
        self.assertEqual(reset("--all-topics", "--to-latest"), {"reset:0": 10, "reset:1": 10})
        self.assertEqual(reset("--all-topics", "--by-duration", "P1D"), {"reset:0": 0, "reset:1": 0})
        self.assertEqual(reset("--all-topics", "--to-datetime", "2000-01-01"), {"reset:0": 0, "reset:1": 0})
        done = self.ottla("group", "reset", "reset-group", "--all-topics", "--to-datetime", "2100-01-01T00:00:00Z", "--yes")
        self.assertIn("no record is that late", done.stderr)
        self.assertEqual(self.committed("reset-group"), {"reset:0": 10, "reset:1": 10})
        done = self.ottla("group", "reset", "reset-group", "--topic", "reset:0", "--to-offset", 99, "--yes")
        self.assertIn("reset[0]: the partition ends at 10", done.stderr)

    def test_offsets_go_out_to_a_file_and_come_back(self):
        self.fill("filed")
        self.read("filed-group", "filed", 20)
        exported = self.ottla("group", "offsets", "filed-group", "--export").stdout
        self.assertEqual(exported, "filed,0,10\nfiled,1,10\n")
        plan = self.ottla("group", "reset", "filed-group", "--all-topics", "--shift-by", -6, "--export")
        self.assertEqual((plan.stdout, plan.stderr), ("filed,0,4\nfiled,1,4\n", ""))
        self.assertEqual(self.ottla("group", "reset", "filed-group", "--all-topics", "--to-current", "--export").stdout, exported)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(plan.stdout.replace("filed,1,4", '"filed-group","filed",1,6'))
            file.flush()
            self.ottla("group", "reset", "filed-group", "--from-file", file.name, "--yes")
            self.assertEqual(self.committed("filed-group"), {"filed:0": 4, "filed:1": 6})
            # To a group that is not there yet.
            file.seek(0)
            file.truncate()
            file.write("filed,1,2\n")
            file.flush()
            self.ottla("group", "reset", "filed-new", "--from-file", file.name, "--yes")
            self.assertEqual(self.committed("filed-new"), {"filed:1": 2})

    def test_a_group_with_members_is_left_alone(self):
        self.fill("busy")
        with self.member("busy-group", "busy", "-X", "client.id=the-busy-one"):
            refused = self.fails("group", "reset", "busy-group", "--topic", "busy", "--to-earliest", "--yes", says=["1 members", "the-busy-one", "stop them first"])
            self.assertEqual(refused.stdout, "")
            shown = self.ottla("group", "reset", "busy-group", "--topic", "busy", "--to-earliest")
            self.assertEqual([line.split()[:2] for line in shown.stdout.splitlines()[1:]], [["busy", "0"], ["busy", "1"]])
            self.assertIn("stop them first", shown.stderr)
            self.fails("group", "delete", "busy-group", says=["busy-group", "NON_EMPTY_GROUP"])
        self.ottla("group", "reset", "busy-group", "--topic", "busy", "--to-earliest", "--yes")
        self.assertEqual(self.committed("busy-group"), {"busy:0": 0, "busy:1": 0})

    def test_what_is_not_there_is_told_with_what_to_do(self):
        self.fill("there", 1)
        self.read("there-group", "there", 10)
        for verb in ["describe", "members", "offsets"]:
            done = self.fails("group", verb, "nowhere", "there-group", "-o", "json", says=["there is no group 'nowhere'", "ottla group list"])
            answers = [(g["group"], g["error"] and g["error"]["code"]) for g in json.loads(done.stdout)]
            self.assertEqual(answers, [("nowhere", "GROUP_ID_NOT_FOUND"), ("there-group", None)])
        self.fails("group", "delete", "nowhere", says=["nowhere", "GROUP_ID_NOT_FOUND"])
        self.fails("group", "delete-offsets", "nowhere", "--all-topics", says=["nowhere", "ottla group list"])
        self.fails("group", "delete-offsets", "there-group", "--topic", "other", says=["nothing committed", "ottla group offsets there-group"])
        self.fails("group", "reset", "nowhere", "--all-topics", "--to-earliest", says=["nowhere", "ottla group list"])
        self.fails("group", "reset", "there-group", "--topic", "absent", "--to-earliest", says=["topic 'absent'"])
        self.fails("group", "reset", "there-group", "--topic", "there:0,3", "--to-earliest", says=["topic 'there'", "no partition 3"])
        done = self.fails("group", "reset", "new-group", "--topic", "there", "--shift-by", 1, "--yes", says=["there[0]", "nothing is committed", "nothing was changed"])
        self.assertEqual(done.stdout, "")

    def test_what_could_not_be_printed_is_not_committed(self):
        self.fill("unprinted", 1)
        command = [program("ottla"), "consume", "unprinted", "-g", "printers", "-O", "start", "-n", "7", "-b", self.broker.bootstrap]
        with open("/dev/full", "w") as full:
            self.assertEqual(subprocess.run(command, stdout=full, stderr=subprocess.DEVNULL, timeout=60).returncode, 1)
        self.assertEqual(self.ottla(*command[1:-2]).stdout.split(), [str(i) for i in range(7)])
        self.assertEqual(self.committed("printers"), {"unprinted:0": 7})

    def test_groups_and_offsets_are_deleted(self):
        self.fill("gone")
        self.read("gone-group", "gone", 20)
        self.assertEqual(self.ottla("group", "delete-offsets", "gone-group", "--topic", "gone:1").stdout, "deleted gone:1\n")
        self.assertEqual(self.committed("gone-group"), {"gone:0": 10})
        self.assertEqual(self.json("group", "delete-offsets", "gone-group", "--all-topics"), [{"topic": "gone", "partition": 0, "error": None}])
        self.read("gone-group", "gone", 20)
        self.assertEqual(self.ottla("group", "delete", "gone-group").stdout, "deleted gone-group\n")
        self.assertNotIn("gone-group", [g["group"] for g in self.json("group", "list")])

    def test_watching_goes_on_until_it_is_ended(self):
        self.fill("watched", 1)
        self.read("watched-group", "watched", 10)
        watcher = subprocess.Popen([program("ottla"), "group", "describe", "watched-group", "--watch", "1", "-o", "json", "--no-times",
                                    "-b", self.broker.bootstrap], stdout=subprocess.PIPE)
        self.assertEqual(json.loads(watcher.stdout.readline())[0]["lag"], 0)
        self.ottla("produce", "watched", input="a\nb\n")
        eventually(lambda: self.assertEqual(json.loads(watcher.stdout.readline())[0]["lag"], 2))
        watcher.send_signal(signal.SIGINT)
        self.assertEqual(watcher.wait(10), 0)
        watcher.stdout.close()

    def test_all_groups_at_once(self):
        self.fill("every", 1)
        for group in ["every-a", "every-b"]:
            self.read(group, "every", 10)
        named = [g["group"] for g in self.json("group", "describe", "--all", "--topic", "every", "--no-times")]
        self.assertLessEqual({"every-a", "every-b"}, set(named))
        self.assertEqual(named, sorted(named))
        lines = self.ottla("group", "offsets", "--all", "--topic", "every", "--export").stdout.splitlines()
        self.assertEqual(lines, ['"every-a",every,0,10', '"every-b",every,0,10'])


if __name__ == "__main__":
    main()
