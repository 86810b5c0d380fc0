#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Log aggregation (examples/log_aggregation): a real rsyslogd with omkafka takes lines by TCP, UDP, a socket and a file and ships
them to our broker; log_indexer puts them into SQLite. Broker and indexer are killed with SIGKILL meanwhile. Each line is
indexed once, those of a host in their order, and questions are answered rightly. $OTTLA_KILLS says how often
(default 4), $OTTLA_KILL_SEED when."""
import collections
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

from harness import ROOT, Broker, create_topic, eventually, free_port, main, ottla, program, run

KILLS = int(os.environ.get("OTTLA_KILLS", "4"))
CONFIG = os.path.join(ROOT, "examples", "log_aggregation", "rsyslog.conf")
PLUGIN = "/usr/lib/{}/rsyslog/omkafka.so"
SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]


def rsyslogd():
    path = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
    plugins = [PLUGIN.format(arch) for arch in os.listdir("/usr/lib")]
    if not os.path.exists(path) or not any(map(os.path.exists, plugins)):
        line = "SKIPPED: log aggregation: rsyslogd with omkafka is not installed (apt-get install rsyslog rsyslog-kafka)"
        print(line, flush=True)
        raise unittest.SkipTest(line)
    return path


class Rsyslog:
    """In the foreground, with our own configuration; nothing of the system's is touched."""

    def __init__(self, folder, brokers):
        self.tcp_port, self.udp_port = free_port(), free_port()
        self.socket, self.file = os.path.join(folder, "log.socket"), os.path.join(folder, "app.log")
        self.errors = [os.path.join(folder, name) for name in ("errors", "failed")]
        open(self.file, "w").close()
        with open(CONFIG) as template:
            text = template.read()
        for name, value in (("DIRECTORY", folder), ("TCP_PORT", self.tcp_port), ("UDP_PORT", self.udp_port), ("BROKERS", brokers)):
            text = text.replace(name, str(value))
        config = os.path.join(folder, "rsyslog.conf")
        with open(config, "w") as out:
            out.write(text)
        self.log = open(os.path.join(folder, "rsyslog.log"), "w")
        self.process = subprocess.Popen([rsyslogd(), "-n", "-f", config, "-i", os.path.join(folder, "rsyslog.pid")],
                                        stdout=self.log, stderr=self.log)
        eventually(self.assert_listening, 20)

    def assert_listening(self):
        assert self.process.poll() is None, f"rsyslogd ended with {self.process.returncode}"
        assert os.path.exists(self.socket)
        try:
            socket.create_connection(("127.0.0.1", self.tcp_port), timeout=5).close()
        except OSError as e:
            raise AssertionError(e) from None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class LogAggregation(unittest.TestCase):
    def setUp(self):
        rsyslogd()
        self.folder = tempfile.mkdtemp(prefix="ottla-logs-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.database = os.path.join(self.folder, "index.db")
        seed = int(os.environ.get("OTTLA_KILL_SEED", random.randrange(1 << 30)))
        print(f"NOTE {KILLS} kills, OTTLA_KILL_SEED={seed}", flush=True)
        self.chance = random.Random(seed)
        self.sent = {}  # number: (host, severity)

    def test_each_line_is_indexed_once(self):
        with Broker("-q") as broker:
            create_topic(broker.bootstrap, "logs", 3)
            self.syslog = Rsyslog(self.folder, broker.bootstrap)
            self.addCleanup(self.syslog.stop)
            self.start_indexer(broker)
            self.addCleanup(lambda: self.indexer.kill())
            for round in range(KILLS):
                before = len(self.sent)
                self.send(150)
                found = self.wait_for(before + self.chance.randrange(1, 400))
                victim = broker if round % 2 else self.indexer
                victim.kill()
                print(f"NOTE {'broker' if round % 2 else 'indexer'} killed, {found} of {len(self.sent)} lines indexed", flush=True)
                self.send(50)
                if victim is broker:
                    broker.start()
                else:
                    self.indexer.wait()
                    self.start_indexer(broker)
            self.send(50)
            self.wait_for(len(self.sent))
            self.check(broker)
            self.ask()
            self.indexer.terminate()
            self.assertEqual(self.indexer.wait(20), 0)
            self.check(broker)
            self.syslog.stop()
            for path in self.syslog.errors:
                self.assertFalse(os.path.exists(path) and os.path.getsize(path), path)

    def start_indexer(self, broker):
        self.indexer = subprocess.Popen([program("example_log_indexer"), broker.bootstrap, "logs", self.database])

    def send(self, count):
        """So many lines over each way but UDP, which may lose some and gets few."""
        def text(host, severity, what="request"):
            number = len(self.sent)
            self.sent[number] = (host, severity)
            needle = " needle" if number % 200 == 7 else ""
            return f"{what} number {number}{needle}"

        stamp = time.strftime("%b %d %H:%M:%S")
        with socket.create_connection(("127.0.0.1", self.syslog.tcp_port), timeout=10) as tcp:
            for n in range(count):
                host, severity = f"web-{n % 3}", n % 8
                tcp.sendall(f"<{8 + severity}>{stamp} {host} app[{n}]: {text(host, severity)}\n".encode())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
            local.settimeout(10)
            local.connect(self.syslog.socket)
            for n in range(count):
                local.send(f"<{8 + 6}>{stamp} cron[{n}]: {text('central', 6)}".encode())
        with open(self.syslog.file, "a") as file:
            file.writelines(text("central", 4) + "\n" for n in range(count))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for n in range(5):
                udp.sendto(f"<{8 + 1}>{stamp} db-1 postgres: {text('db-1', 1)}".encode(), ("127.0.0.1", self.syslog.udp_port))

    def rows(self, query):
        database = sqlite3.connect(self.database, timeout=20)
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()

    def wait_for(self, count):
        """Looks without a pause, to be there in the middle."""
        deadline = time.monotonic() + 60
        while True:
            assert self.indexer.poll() is None, f"the indexer ended with {self.indexer.returncode}"
            try:
                found = self.rows("SELECT count(*) FROM lines")[0][0]
            except sqlite3.OperationalError:  # it is not there yet
                found = 0
            if found >= count:
                return found
            assert time.monotonic() < deadline, f"{found} of {count} lines are indexed"

    def check(self, broker):
        lines = self.rows('SELECT host, severity, message, partition, "offset" FROM lines ORDER BY partition, "offset"')
        found = collections.Counter(int(message.split()[2]) for _, _, message, _, _ in lines)
        self.assertEqual(found, collections.Counter(list(self.sent)), "each line once")
        for host, severity, message, _, _ in lines:
            self.assertEqual((host, severity), self.sent[int(message.split()[2])])
        partitions = collections.defaultdict(set)
        order = collections.defaultdict(list)
        for host, _, message, partition, _ in lines:
            partitions[host].add(partition)
            if host.startswith("web"):  # one way in
                order[host].append(int(message.split()[2]))
        self.assertEqual({len(p) for p in partitions.values()}, {1}, "a host, a partition")
        for host, numbers in order.items():
            self.assertEqual(numbers, sorted(numbers), host)
        self.assertEqual([offset for partition in range(3) for _, _, _, of, offset in lines if of == partition],
                         [n for partition in range(3) for n in range(sum(of == partition for _, _, _, of, _ in lines))],
                         "all that the log has, which has no line twice")

    def ask(self):
        counts = lambda *question: {name: int(count) for count, name in
                                    (line.split() for line in run([program("example_log_query"), self.database, *question]).stdout.splitlines())}
        self.assertEqual(counts("hosts"), collections.Counter(host for host, _ in self.sent.values()))
        self.assertEqual(counts("severities"), collections.Counter(SEVERITIES[s] for _, s in self.sent.values()))
        found = run([program("example_log_query"), self.database, "search", "needle"]).stdout.splitlines()
        expected = {f"{host}: request number {n} needle" for n, (host, _) in self.sent.items() if n % 200 == 7}  # fewer than it shows
        self.assertEqual(set(found), expected)
        self.assertEqual(len(found), len(expected))
        found = run([program("example_log_query"), self.database, "search", "host:db", "number", "AND", "postgres"], check=False)
        self.assertEqual(found.stderr, "")
        self.assertEqual(len(found.stdout.splitlines()), min(100, sum(host == "db-1" for host, _ in self.sent.values())))
        self.assertEqual(run([program("example_log_query"), self.database, "search", "nowhere"]).stdout, "")
        self.assertEqual(run([program("example_log_query"), self.database, "search", "host:web-3"]).stdout, "", "there is none")
        wrong = run([program("example_log_query"), self.database, "search", '"'], check=False)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertNotIn("SELECT", wrong.stderr)


class TopicMadeAnew(unittest.TestCase):
    def test_its_lines_are_indexed_too(self):
        with tempfile.TemporaryDirectory() as folder, Broker("-q") as broker:
            database = os.path.join(folder, "index.db")
            for life in range(2):
                create_topic(broker.bootstrap, "logs", 1)
                lines = "".join(f"life {life} line {n}\n" for n in range(3 + 2 * life))
                ottla("produce", "logs", "-b", broker.bootstrap, input=lines)
                indexer = subprocess.Popen([program("example_log_indexer"), broker.bootstrap, "logs", database])
                eventually(lambda: self.assert_indexed(database, life, 3 + 2 * life), 20)
                indexer.terminate()
                self.assertEqual(indexer.wait(20), 0)
                ottla("topic", "delete", "logs", "-b", broker.bootstrap)
            self.assert_indexed(database, 0, 3)

    def test_another_line_at_an_offset_that_is_in_is_not_passed_over(self):
        with tempfile.TemporaryDirectory() as folder, Broker("-q") as broker:
            database = os.path.join(folder, "index.db")
            create_topic(broker.bootstrap, "logs", 1)
            ottla("produce", "logs", "-b", broker.bootstrap, input="life 0\n")
            command = [program("example_log_indexer"), broker.bootstrap, "logs", database]
            indexer = subprocess.Popen(command)
            eventually(lambda: self.assert_indexed(database, 0, 1), 20)
            indexer.terminate()
            self.assertEqual(indexer.wait(20), 0)
            db = sqlite3.connect(database)
            db.executescript("UPDATE lines SET message = 'of an older topic'; DELETE FROM offsets")
            db.close()
            ended = run(command, timeout=20, check=False)
            self.assertEqual(ended.returncode, 1)
            self.assertIn("offset 0 is another line than before", ended.stderr)

    def assert_indexed(self, database, life, count):
        found = run([program("example_log_query"), database, "search", f'"life {life}"'], check=False)
        self.assertEqual(len(found.stdout.splitlines()), count, found.stderr)


if __name__ == "__main__":
    main()
