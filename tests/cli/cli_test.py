#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: exit codes, what goes where, JSON shapes, pipes."""
import json
import os
import re
import signal
import subprocess
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from cases import UsageCase  # noqa: E402
from harness import Broker, free_port, main, ottla, program, read_line, run  # noqa: E402


class Usage(UsageCase):
    def test_help_and_version_go_to_standard_output(self):
        for args in [["--help"], ["topic", "--help"], ["consume", "--help"], ["bench", "produce", "-h"], ["--version"]]:
            done = ottla(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""), args)
            self.assertIn("ottla" if args == ["--version"] else "-h,--help", done.stdout)

    def test_what_is_wrongly_asked_ends_with_2(self):
        self.refused(says=["subcommand"])
        self.refused("brew", says=["brew"])
        self.refused("topic", says=["subcommand"])
        self.refused("topic", "create", says=["topics"])
        self.refused("topic", "create", "t", "-p", "many", says=["many"])
        self.refused("topic", "create", "t", "-c", "retention", says=["retention", "KEY=VALUE"])
        self.refused("topic", "list", "-o", "xml", says=["xml"])
        self.refused("consume", "t", "-O", "yesterday", says=["yesterday", "start"])
        self.refused("consume", "t", "-f", "%q", says=["%q"])
        self.refused("produce", "t", "-H", "novalue", says=["novalue"])
        self.refused("produce", "t", "-z", "rar", says=["rar"])
        self.refused("topic", "offsets", "t", "--time", "-1", says=["-1", "max-timestamp"])
        self.refused("topic", "offsets", says=["topics"])
        for place in ["orders", "orders:0", "orders:x:1", "orders:0:-1", ":0:1", "orders:0:soon"]:
            self.refused("topic", "delete-records", place, says=[place, "TOPIC:PARTITION:OFFSET"])
        self.refused("topic", "delete-records", says=["--file"])
        self.refused("topic", "delete-records", "--file", "/nowhere.json", says=["/nowhere.json"])
        with tempfile.NamedTemporaryFile("w") as file:
            for text in ["{", "[]", '{"partitions": [{"topic": "a"}]}', '{"partitions": [{"topic": "a", "partition": 0, "offset": -2}]}']:
                file.seek(0)
                file.truncate()
                file.write(text)
                file.flush()
                self.refused("topic", "delete-records", "--file", file.name, says=[file.name])
        self.refused("logdirs", "--brokers", "1,x", says=["x"])
        self.refused("logdirs", "--brokers", "-1", says=["-1"])

    def test_a_number_out_of_its_range_is_refused_in_one_line(self):
        for args, option, range in [
                (["consume", "t", "-n", "-1"], "--count", "0 to 9223372036854775807"),
                (["consume", "t", "-p", "-1"], "--partition", "0 to 2147483647"),
                (["produce", "t", "-p", "4294967296"], "--partition", "0 to 2147483647"),
                (["log", "dump", "x.log", "--max-bytes", "-1"], "--max-bytes", "0 to 9223372036854775807"),
                (["bench", "produce", "--size", "-5"], "--size", "0 to 10000000"),
                (["bench", "consume", "--records", "0"], "--records", "1 to 10000000000"),
                (["bench", "produce", "--partitions", "0x2"], "--partitions", "1 to 1000000"),
                (["bench", "latency", "--rate", "0"], "--rate", "0.001 to 1000000000"),
                (["bench", "latency", "--rate", "nan"], "--rate", "0.001 to 1000000000"),
                (["topic", "create", "t", "-p", "0"], "--partitions", "1 to 2147483647"),
                (["topic", "create", "t", "-r", "70000"], "--replicas", "1 to 32767"),
                (["topic", "add-partitions", "t", "-p", "-3"], "--partitions", "1 to 2147483647"),
                (["logdirs", "--brokers", "1,-1"], "--brokers", "0 to 2147483647"),
                (["dev", "--port", "-1"], "--port", "0 to 65535"), (["dev", "--brokers", "10"], "--brokers", "1 to 9")]:
            done = ottla(*args, check=False, timeout=10)
            self.assertEqual((done.returncode, done.stdout), (2, ""), (args, done.stderr))
            line = done.stderr.splitlines()[0]
            self.assertIn(option, line)
            self.assertTrue(line.endswith("number from " + range), line)

    def test_a_mistyped_setting_names_the_nearest(self):
        self.refused("consume", "t", "-X", "isolation.levle=read_committed", says=["isolation.levle", "isolation.level"])
        self.refused("produce", "t", "-X", "linger.ms=soon", says=["linger.ms"])
        self.refused("topic", "list", "-X", "client.id", says=["client.id"])

    def test_no_broker_is_a_failure_that_says_what_to_do(self):
        done = ottla("topic", "list", "-b", f"127.0.0.1:{free_port()}", check=False, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("ottla dev", done.stderr)


class AgainstABroker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker(memory=True))

    def ottla(self, *args, **options):
        return ottla(*args, "-b", self.broker.bootstrap, **options)

    def json(self, *args):
        return json.loads(self.ottla(*args, "-o", "json").stdout)

    def test_topics_in_json(self):
        made, = self.json("topic", "create", "shape", "-p", 2, "-c", "max.message.bytes=65536")
        self.assertEqual((made["name"], made["error"], len(made["id"])), ("shape", None, 22))
        listed = [t for t in self.json("topic", "list") if t["name"] == "shape"]
        self.assertEqual(listed, [{"name": "shape", "id": made["id"], "internal": False}])
        self.ottla("produce", "shape", "-p", 1, input="a\nb\n")
        described, = self.json("topic", "describe", "shape")
        self.assertEqual((described["name"], described["id"], described["internal"], described["error"]), ("shape", made["id"], False, None))
        self.assertEqual([p["partition"] for p in described["partitions"]], [0, 1])
        leader = described["partitions"][0]["leader"]
        self.assertEqual(described["partitions"][1] | {"leader_epoch": 0}, {
            "partition": 1, "leader": leader, "leader_epoch": 0, "replicas": [leader], "in_sync_replicas": [leader], "offline_replicas": [],
            "start_offset": 0, "end_offset": 2, "error": None})
        self.assertEqual(self.json("topic", "delete", "shape")[0]["error"], None)

    def test_a_failed_item_ends_with_1_and_stands_in_both_outputs(self):
        self.ottla("topic", "create", "twice")
        done = self.ottla("topic", "create", "twice", "fresh", "-o", "json", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("topic 'twice'"), 1, done.stderr)
        errors = {t["name"]: t["error"] and t["error"]["code"] for t in json.loads(done.stdout)}
        self.assertEqual(errors, {"twice": "TOPIC_ALREADY_EXISTS", "fresh": None})
        self.ottla("topic", "create", "twice", "--if-not-exists")

    def test_an_absent_topic_is_named_at_once(self):
        for args in [["produce", "nowhere"], ["consume", "nowhere"], ["topic", "describe", "nowhere"], ["topic", "delete", "nowhere"],
                     ["bench", "produce", "--topic", "nowhere"]]:
            done = self.ottla(*args, input="x\n", check=False, timeout=30)
            self.assertEqual(done.returncode, 1, (args, done.stderr))
            self.assertIn("nowhere", done.stderr)

    def test_an_absent_partition_is_named(self):
        self.ottla("topic", "create", "narrow")
        for verb in ["produce", "consume"]:
            done = self.ottla(verb, "narrow", "-p", 7, input="x\n", check=False, timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no partition 7", done.stderr)

    def test_records_there_and_back(self):
        self.ottla("topic", "create", "there")
        said = self.ottla("produce", "there", "-k", ":", "-H", "h=1", "-H", "h=2", "-Z", "-z", "zstd", input="k:v\nno key\n:empty key\nnull:\n")
        self.assertEqual((said.stdout, said.stderr), ("", ""))
        rows = [json.loads(line) for line in self.ottla("consume", "there", "-O", "start", "-e", "-o", "json").stdout.splitlines()]
        self.assertEqual([(r["key"], r["value"]) for r in rows], [("k", "v"), (None, "no key"), (None, "empty key"), ("null", None)])
        self.assertEqual(rows[0] | {"timestamp": 0}, {
            "topic": "there", "partition": 0, "offset": 0, "timestamp": 0, "key": "k", "value": "v",
            "headers": [{"key": "h", "value": "1"}, {"key": "h", "value": "2"}]})

    def test_where_to_begin_and_to_end(self):
        self.ottla("topic", "create", "places")
        self.ottla("produce", "places", input="".join(f"{i}\n" for i in range(100)))
        self.assertEqual(self.ottla("consume", "places", "-O", "97", "-e").stdout.split(), ["97", "98", "99"])
        self.assertEqual(self.ottla("consume", "places", "-O", "-2", "-e").stdout.split(), ["98", "99"])
        self.assertEqual(self.ottla("consume", "places", "-O", "start", "-n", 3).stdout.split(), ["0", "1", "2"])
        self.assertEqual(self.ottla("consume", "places", "-O", "end", "-e").stdout, "")
        self.assertEqual(self.ottla("consume", "places", "-O", "start", "-n", 0).stdout, "")

    def test_an_offset_that_is_not_there_goes_on_where_the_setting_says(self):
        self.ottla("topic", "create", "beyond")
        self.ottla("produce", "beyond", input="a\nb\n")
        done = self.ottla("consume", "beyond", "-O", 100, "-n", 2, "-X", "auto.offset.reset=earliest", timeout=30)
        self.assertEqual(done.stdout.split(), ["a", "b"])
        self.assertIn("goes on at 0", done.stderr)
        done = self.ottla("consume", "beyond", "-O", 100, "-n", 2, "-X", "auto.offset.reset=error", check=False, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_offsets_at_a_time(self):
        self.ottla("topic", "create", "timed", "-p", 2)
        before = int(time.time() * 1000) - 1
        self.ottla("produce", "timed", "-p", 0, input="a\nb\nc\n")
        stamps = [int(t) for t in self.ottla("consume", "timed", "-O", "start", "-e", "-f", "%d\n").stdout.split()]
        at = lambda when: [(p["offset"], p["timestamp"]) for p in self.json("topic", "offsets", "timed", "--time", when)[0]["partitions"]]
        self.assertEqual(at("earliest"), [(0, None), (0, None)])
        self.assertEqual(at("latest"), [(3, None), (0, None)])
        self.assertEqual(at(before), [(0, stamps[0]), (None, None)])
        self.assertEqual(at("max-timestamp"), [(stamps.index(max(stamps)), max(stamps)), (None, None)])
        self.assertEqual(at(max(stamps) + 1), [(None, None), (None, None)])
        self.assertEqual(self.ottla("topic", "offsets", "timed").stdout,
                         "TOPIC  PARTITION  OFFSET  TIMESTAMP\ntimed  0          3       -\ntimed  1          0       -\n")
        done = self.ottla("topic", "offsets", "nowhere", "timed", "-o", "json", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere", done.stderr)
        self.assertEqual([(t["name"], t["error"] and t["error"]["code"], len(t["partitions"])) for t in json.loads(done.stdout)],
                         [("nowhere", "UNKNOWN_TOPIC_OR_PARTITION", 0), ("timed", None, 2)])

    def test_deleting_the_oldest_records(self):
        self.ottla("topic", "create", "shorter", "-p", 2)
        self.ottla("produce", "shorter", "-p", 0, input="a\nb\nc\n")
        self.assertEqual(self.ottla("topic", "delete-records", "shorter:0:2").stdout, "TOPIC    PARTITION  BEGINS AT\nshorter  0          2\n")
        self.assertEqual(self.ottla("consume", "shorter", "-O", "start", "-e").stdout, "c\n")
        done = self.ottla("topic", "delete-records", "shorter:0:9", "shorter:0:end", "nowhere:0:0", "-o", "json", check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        answers = [(r["topic"], r["low_watermark"], r["error"] and r["error"]["code"]) for r in json.loads(done.stdout)]
        self.assertEqual(answers, [("shorter", None, "OFFSET_OUT_OF_RANGE"), ("shorter", 3, None), ("nowhere", None, "UNKNOWN_TOPIC_OR_PARTITION")])
        self.assertIn("shorter[0]", done.stderr)

    def test_directories_of_logs(self):
        self.ottla("topic", "create", "stored", "-p", 2)
        self.ottla("produce", "stored", "-p", 1, input="a\n")
        one, = self.json("logdirs", "--topics", "stored")
        directory, = one["directories"]
        self.assertEqual((one["error"], directory["error"], directory["cordoned"]), (None, None, False))
        self.assertGreater(directory["usable_bytes"], 0)
        self.assertGreaterEqual(directory["total_bytes"], directory["usable_bytes"])
        first, second = directory["partitions"]
        self.assertEqual(first, {"topic": "stored", "partition": 0, "bytes": 0, "offset_lag": 0, "future": False})
        self.assertGreater(second["bytes"], 61)
        text = self.ottla("logdirs", "--brokers", one["broker"], "--topics", "stored,others").stdout.splitlines()
        self.assertEqual([line.split() for line in text[1:]],
                         [["TOPIC", "PARTITION", "BYTES", "LAG"], ["stored", "0", "0", "0"], ["stored", "1", str(second["bytes"]), "0"]])
        self.assertIn(f"broker {one['broker']}  {directory['path']}  2 partitions of {second['bytes']} bytes", text[0])
        done = self.ottla("logdirs", "--brokers", 77, check=False, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("77", done.stderr)

    def test_a_reader_that_leaves_ends_it_quietly(self):
        self.ottla("topic", "create", "long")
        self.ottla("produce", "long", input="x" * 99 + "\n" + "y\n" * 200000)
        done = run(["bash", "-c", f"{program('ottla')} consume long -O start -b {self.broker.bootstrap} | head -n 1; echo ${{PIPESTATUS[0]}}"])
        self.assertEqual((done.stdout, done.stderr), ("x" * 99 + "\n0\n", ""))

    def test_ctrl_c_ends_a_waiting_consumer_in_order(self):
        self.ottla("topic", "create", "waiting")
        self.ottla("produce", "waiting", input="first\n")
        consumer = subprocess.Popen([program("ottla"), "consume", "waiting", "-O", "start", "-b", self.broker.bootstrap], stdout=subprocess.PIPE)
        self.assertEqual(read_line(consumer.stdout, "first", 20), "first")
        consumer.send_signal(signal.SIGINT)
        self.assertEqual(consumer.wait(10), 0)
        consumer.stdout.close()

    def test_bench_prints_one_line_of_results(self):
        self.ottla("topic", "create", "bench", "-p", 2)
        common = ["--topic", "bench", "--records", 20000, "--size", 100, "--partitions", 2]
        for mode, more in [("produce", []), ("consume", []), ("latency", ["--rate", 20000, "-X", "linger.ms=0"])]:
            line, = self.ottla("bench", mode, *common, *more, timeout=60).stdout.splitlines()
            fields = dict(word.split("=") for word in line.split()[1:])
            self.assertTrue(line.startswith(f"RESULT mode={mode} "), line)
            self.assertEqual(fields["err"], "0")
            wanted = {"n", "secs", "msgs_s", "mb_s", "cpu_s_per_M", "rss_mb"} | ({"p50_us", "p99_us", "p999_us"} if mode == "latency" else set())
            self.assertLessEqual(wanted, fields.keys())
            self.assertEqual(fields["n"], "20000")

    def test_bench_says_when_there_is_less_than_was_asked_for(self):
        self.ottla("topic", "create", "little")
        self.ottla("produce", "little", input="x\n" * 1000)
        done = self.ottla("bench", "consume", "--topic", "little", "--records", 1000, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1000 records were to be timed, and 999 came", done.stderr)
        self.assertIn(" n=999 ", done.stdout)


class ServerProperties(unittest.TestCase):
    """The program that a service manager starts."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.file = os.path.join(self.folder, "server.properties")
        with open(self.file, "w") as file:
            file.write(f"# a broker\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs={self.folder}/from-file\n")

    def serve(self, *args):
        """Starts it, makes a topic, ends it in order."""
        with open(os.path.join(self.folder, "log"), "w+") as log:
            broker = subprocess.Popen([program("ottla-broker"), *args], stdout=subprocess.PIPE, stderr=log)
            try:
                bootstrap = read_line(broker.stdout, "READY bootstrap=", 20).split("=")[1]
                ottla("topic", "create", "orders", "--if-not-exists", "-b", bootstrap)
                self.assertIn("orders", ottla("topic", "list", "-b", bootstrap).stdout)
                broker.send_signal(signal.SIGTERM)
                self.assertEqual(broker.wait(15), 0)
                log.seek(0)
                self.assertIn("Transitioning from RECOVERY to RUNNING", log.read())
            finally:
                broker.kill()
                broker.wait()
                broker.stdout.close()

    def test_a_file_and_what_is_stronger_than_it(self):
        directory = lambda name: os.path.join(self.folder, name)
        self.serve(self.file)
        self.serve("--override", "log.dirs=" + directory("before"), self.file)
        self.serve(self.file, "--override", "log.dirs=" + directory("after"), "--override", "num.partitions=2")
        for name, partitions in [("from-file", 1), ("before", 1), ("after", 2)]:
            held = [entry for entry in os.listdir(directory(name)) if entry.startswith("orders-")]
            self.assertEqual(len(held), partitions, name)

    def test_what_is_wrong_with_it_is_told(self):
        for args, word in [([], "properties"), ([self.file + ".not"], "server.properties.not"), ([self.file, "--override", "log.dir"], "log.dir"),
                           ([self.file, "--override", "log.flush.interval.mss=1"], "log.flush.interval.ms")]:
            done = run([program("ottla-broker"), *args], check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn(word, done.stderr)


class SeveralBrokers(unittest.TestCase):
    def test_a_cluster_on_disk_comes_back_with_its_records(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        cluster = Broker("--brokers", "3", data=folder)
        cluster.port = free_port(3)
        with cluster:
            self.assertEqual(len(cluster.bootstrap.split(",")), 3)
            ottla("topic", "create", "spread", "-p", 3, "-b", cluster.bootstrap)
            for p in range(3):
                ottla("produce", "spread", "-p", p, "-b", cluster.bootstrap, input=f"value {p}\n")
            cluster.stop()
            cluster.start()
            last = cluster.bootstrap.split(",")[-1]
            told = json.loads(ottla("logdirs", "-b", last, "-o", "json").stdout)
            self.assertEqual(sorted(one["broker"] for one in told), [1, 2, 3])
            topic, = json.loads(ottla("topic", "describe", "spread", "-b", last, "-o", "json").stdout)
            self.assertEqual(sorted(p["leader"] for p in topic["partitions"]), [1, 2, 3])
            for p in range(3):
                self.assertEqual(ottla("consume", "spread", "-p", p, "-O", "start", "-e", "-b", last).stdout, f"value {p}\n")

    def test_a_number_of_threads_is_refused(self):
        done = ottla("dev", "--brokers", 2, "--port", 0, "-c", "num.network.threads=3", check=False, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("num.network.threads", done.stderr)


class Directories(unittest.TestCase):
    def test_a_relative_directory_is_told_in_full(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        with Broker(data=os.path.relpath(folder)) as broker:
            directory, = json.loads(ottla("logdirs", "-b", broker.bootstrap, "-o", "json").stdout)[0]["directories"]
            self.assertTrue(os.path.isabs(directory["path"]), directory["path"])
            self.assertTrue(os.path.samefile(directory["path"], folder))

    def test_a_stop_and_a_start_in_order_say_so_and_complain_of_nothing(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for _ in range(2):
            broker = Broker(data=folder)
            with broker:
                ottla("topic", "create", "kept", "--if-not-exists", "-b", broker.bootstrap)
                broker.stop()
                with open(broker.log.name) as log:
                    lines = log.read()
            self.assertIn("Transitioning from RECOVERY to RUNNING", lines)
            self.assertNotIn("WARN", lines)
            self.assertNotIn("ERROR", lines)


class Files(unittest.TestCase):
    """The verbs that look into a broker's files, on those that Apache Kafka wrote."""

    GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
    SEGMENT = "00000000000000000000.log"

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def copy(self, name):
        """A partition's directory to be damaged."""
        to = os.path.join(self.folder, "orders-0")
        shutil.copytree(os.path.join(self.GOLDEN, name), to)
        return to

    def damage(self, path, position, change):
        with open(path, "r+b") as file:
            file.seek(position)
            byte = file.read(1)[0]
            file.seek(position)
            file.write(bytes([byte ^ change]))

    def test_dump_prints_segments_and_indexes(self):
        files = [os.path.join(self.GOLDEN, "log", "00000000000000000000" + suffix) for suffix in [".log", ".index", ".timeindex", ".txnindex"]]
        done = ottla("log", "dump", *files)
        self.assertEqual((done.stdout.count("Dumping "), done.stderr), (4, ""))
        self.assertEqual(ottla("log", "dump", "--files", ",".join(files)).stdout, done.stdout)
        batches = [line for line in done.stdout.splitlines() if line.startswith("baseOffset: ")]
        self.assertTrue(batches and all("isvalid: true" in line for line in batches))
        self.assertNotIn("payload", done.stdout)
        deep = ottla("log", "dump", "--print-data-log", files[0]).stdout
        self.assertIn("payload", deep)
        self.assertEqual(ottla("log", "dump", "--deep-iteration", files[0]).stdout.count("| offset"), deep.count("| offset"))

    def test_dump_is_asked_wrongly(self):
        for args, word in [([], "files"), (["--deep", "x.log"], "--deep"), (["x.log", "--max-bytes", "many"], "many")]:
            done = ottla("log", "dump", *args, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn(word, done.stderr)

    def test_dump_of_a_file_that_is_not_there_fails(self):
        missing = os.path.join(self.folder, self.SEGMENT)
        done = ottla("log", "dump", missing, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(missing, done.stderr)
        self.assertIn("No such file", done.stderr)

    def test_dump_shows_damage_and_goes_on(self):
        segment = os.path.join(self.copy("log"), self.SEGMENT)
        sound = ottla("log", "dump", segment).stdout
        self.damage(segment, 70, 1)
        done = ottla("log", "dump", segment)
        self.assertEqual(done.stdout.count("isvalid: false"), 1)
        self.assertEqual(done.stdout.count("isvalid:"), sound.count("isvalid:"))

    def test_dump_ends_with_1_where_it_cannot_go_on(self):
        segment = os.path.join(self.copy("log"), self.SEGMENT)
        self.damage(segment, 16, 3)  # the magic of the first batch
        done = ottla("log", "dump", segment, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"'{segment}' at 0", done.stderr)

    def test_verify_of_sound_files(self):
        for name, partitions in [("log", 1), (os.path.join("directories", "stopped"), 3)]:
            done = ottla("log", "verify", os.path.join(self.GOLDEN, name))
            self.assertRegex(done.stdout, rf"^{partitions} partitions, \d+ files, 0 problems\n$")

    def test_verify_names_file_position_and_offsets(self):
        directory = self.copy("log")
        segment = os.path.join(directory, self.SEGMENT)
        header = re.search(r"baseOffset: (\d+) lastOffset: (\d+) .*position: (\d+) .*size: (\d+)",
                           ottla("log", "dump", segment).stdout.splitlines()[4])
        first, last, position, size = map(int, header.groups())
        self.damage(segment, position + size - 1, 64)
        for where in [directory, self.folder]:
            done = ottla("log", "verify", where, check=False)
            self.assertEqual((done.returncode, done.stderr), (1, ""))
            lines = done.stdout.splitlines()
            self.assertEqual(lines[0], f"{segment}: at {position}: the batch of offsets {first} to {last} has a wrong checksum")
            self.assertRegex(lines[-1], r"^1 partitions, \d+ files, 1 problems$")

    def test_verify_sees_what_is_wrong_beside_the_segment(self):
        directory = self.copy("log")
        for name, position in [("00000000000000000000.index", 7), ("00000000000000000000.timeindex", 11), ("00000000000000000012.snapshot", 20)]:
            self.damage(os.path.join(directory, name), position, 1)
        with open(os.path.join(directory, "leader-epoch-checkpoint"), "w") as file:
            file.write("0\n2\n5 0\n4 1\n")
        done = ottla("log", "verify", directory, check=False)
        self.assertEqual(done.returncode, 1)
        for name in ["00000000000000000000.index: at 0", "00000000000000000000.timeindex: at 0", "00000000000000000012.snapshot: ",
                     "leader-epoch-checkpoint: ", "line 4"]:
            self.assertIn(name, done.stdout)

    def test_verify_is_asked_wrongly(self):
        missing = os.path.join(self.folder, "nowhere")
        for args, code, word in [([], 2, "directory"), (["--deep", "."], 2, "--deep"), ([missing], 1, missing), ([self.folder], 2, "no partition")]:
            done = ottla("log", "verify", *args, check=False)
            self.assertEqual((done.returncode, done.stdout), (code, ""), args)
            self.assertIn(word, done.stderr)


class Wire(unittest.TestCase):
    def test_bytes_to_json_and_back(self):
        made = ottla("wire", "encode", "MetadataRequest", 1, "--hex", input='{"topics":[{"name":"orders"}]}').stdout.strip()
        self.assertEqual(made, "0000000100066f7264657273")
        back = json.loads(ottla("wire", "decode", "MetadataRequest", 1, "--hex", input=made).stdout)
        self.assertEqual(back, {"topics": [{"name": "orders"}]})

    def test_binary_too(self):
        made = subprocess.run([program("ottla"), "wire", "encode", "MetadataRequest", "1"], input=b'{"topics":[{"name":"a"}]}', capture_output=True, check=True)
        self.assertEqual(made.stdout, b"\0\0\0\1\0\1a")
        back = subprocess.run([program("ottla"), "wire", "decode", "MetadataRequest", "1"], input=made.stdout, capture_output=True, check=True)
        self.assertEqual(json.loads(back.stdout), {"topics": [{"name": "a"}]})

    def test_the_list_names_every_message(self):
        names = ottla("wire", "list").stdout
        for name in ["MetadataRequest", "ProduceResponse", "TopicRecord", "ConsumerProtocolAssignment"]:
            self.assertIn(name, names)

    def test_lines_go_on_after_one_that_cannot_be_read(self):
        out = ottla("wire", "--lines", input="MetadataRequest\t1\t00000000\nMetadataRequest\t1\tzz\nNoSuch\t0\t00\n").stdout.splitlines()
        self.assertEqual(out[0].split("\t"), ["MetadataRequest", "1", '{"topics":[]}', "00000000"])
        self.assertTrue(out[1].startswith("ERROR\t") and out[2].startswith("ERROR\t"), out)

    def test_what_cannot_be_is_told(self):
        for args in [["NoSuchRequest", "1"], ["MetadataRequest", "99"], ["MetadataRequest", "1"]]:
            done = ottla("wire", "decode", *args, input="\x01", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), args)
            self.assertIn(args[0], done.stderr)


if __name__ == "__main__":
    main()
