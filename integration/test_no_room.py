#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker without room: its disk (a small tmpfs) is full, its file system can only be read, it may not open more files. It says
so, what it has is served, and with room again it goes on; nothing acknowledged is missing after SIGKILL. Mounting needs root."""
import contextlib
import glob
import os
import pathlib
import resource
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import Broker, eventually, main, ottla, program, read_line, run


@contextlib.contextmanager
def tmpfs(size):
    """A file system of its own; gives its path. Skips the test, loudly, where that is not permitted."""
    path = tempfile.mkdtemp(prefix="ottla-tmpfs-")
    done = run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=False)
    if done.returncode:
        os.rmdir(path)
        line = f"SKIPPED: a tmpfs cannot be mounted here ({done.stderr.strip()})"
        print(line, flush=True)
        raise unittest.SkipTest(line)
    try:
        yield path
    finally:
        run(["umount", "--lazy", path])
        os.rmdir(path)


def remount(path, how):
    run(["mount", "-o", f"remount,{how}", path])


def produce(broker, topic, lines):
    """Whether the broker took all of them; the client tries once."""
    return ottla("produce", topic, "-p", 0, "-b", broker.bootstrap, "-X", "retries=0", "-X", "enable.idempotence=false",
                 input="".join(line + "\n" for line in lines), check=False)


def consume(broker, topic):
    return ottla("consume", topic, "-O", "start", "-e", "-f", "%p %o %v\\n", "-b", broker.bootstrap).stdout.splitlines()


def log_of(broker):
    return pathlib.Path(broker.log.name).read_text()


class Writer:
    """acked_producer, which tries until it is told to end, and its book of promises. It stands still but for mark()."""

    def __init__(self, broker, topic):
        self.book = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([program("acked_producer"), broker.bootstrap, topic, "1"], stdin=subprocess.PIPE,
                                        stdout=self.book, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stderr.fileno(), False)

    def mark(self):
        """Until 2,000 more records are acknowledged."""
        try:
            os.read(self.process.stderr.fileno(), 65536)  # what it said before
        except BlockingIOError:
            pass
        self.process.send_signal(signal.SIGCONT)
        read_line(self.process.stderr, "MARK ", 60)
        self.process.send_signal(signal.SIGSTOP)

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        code = self.process.wait(90)
        self.process.stderr.close()
        self.book.seek(0)
        return code, set(self.book.read().splitlines())

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        self.book.close()


LINE = "x" * 200_000
QUICK = ["-c", "log.segment.delete.delay.ms=100", "-c", "log.retention.check.interval.ms=500", "-c", "log.initial.task.delay.ms=100"]


class FullDisk(unittest.TestCase):
    def fill(self, broker):
        """Until the broker refuses; how many records were taken."""
        taken = 0
        while True:
            done = produce(broker, "filler", [LINE])
            if done.returncode:
                self.assertIn("KAFKA_STORAGE_ERROR", done.stdout + done.stderr)
                return taken
            taken += 1
            self.assertLess(taken, 1000)

    def test_writes_wait_for_room_reads_go_on_and_nothing_acknowledged_is_lost(self):
        with tmpfs("6m") as data, Broker(*QUICK, data=data) as broker, contextlib.ExitStack() as stack:
            for topic in ["kept", "filler"]:
                ottla("topic", "create", topic, "-c", "internal.segment.bytes=400000", "-c", "file.delete.delay.ms=100", "-b", broker.bootstrap)
            writer = stack.enter_context(Writer(broker, "kept"))
            writer.mark()
            taken = self.fill(broker)
            self.assertGreater(taken, 10)
            # Reads go on, and so does the directory.
            self.assertEqual(len(consume(broker, "filler")), taken)
            self.assertGreaterEqual(len(consume(broker, "kept")), 2000)
            self.assertNotIn("is offline", log_of(broker))
            # A larger disk.
            remount(data, "size=9m")
            writer.mark()
            more = self.fill(broker)
            self.assertGreater(more, 5)
            # Room in the one there is.
            ottla("topic", "delete-records", "filler:0:end", "-b", broker.bootstrap)
            writer.mark()
            eventually(lambda: self.assertEqual(produce(broker, "filler", ["new"]).returncode, 0))
            self.fill(broker)
            broker.kill()
            remount(data, "size=40m")
            broker.start()
            writer.mark()
            code, promised = writer.end()
            self.assertEqual(code, 0)
            self.assertGreater(len(promised), 6000)
            self.assertEqual(promised - set(consume(broker, "kept")), set())
            left = consume(broker, "filler")
            self.assertEqual(left[0], f"0 {taken + more} new")
            broker.stop()
            run([program("ottla"), "log", "verify", data])
            broker.start()
            self.assertEqual(produce(broker, "filler", ["again"]).returncode, 0)
            print(f"NOTE {len(promised)} records were acknowledged while the disk was full three times")


class ReadOnly(unittest.TestCase):
    def test_a_directory_that_can_only_be_read_is_offline_until_it_can_be_written(self):
        with tmpfs("20m") as one, tempfile.TemporaryDirectory(prefix="ottla-test-") as own:
            paths = [os.path.join(own, "a"), os.path.join(one, "b")]
            with Broker("-c", "log.dirs=" + ",".join(paths)) as broker:
                ottla("topic", "create", "t", "-p", 2, "-b", broker.bootstrap)
                in_b = int(glob.glob(os.path.join(paths[1], "t-*"))[0].rsplit("-", 1)[1])
                for p in range(2):
                    ottla("produce", "t", "-p", p, "-b", broker.bootstrap, input=f"value {p}\n")
                broker.stop()
                before = {path: os.path.getmtime(path) for path in glob.glob(os.path.join(paths[1], "**"), recursive=True)}
                remount(one, "ro")
                broker.start()
                self.assertIn(f"'{paths[1]}' is offline: cannot open '{paths[1]}/.lock': Read-only file system", log_of(broker))
                said = consume_partition(broker, "t", 1 - in_b)
                self.assertEqual(said, [f"value {1 - in_b}"])
                broker.stop()
                self.assertEqual(before, {path: os.path.getmtime(path) for path in glob.glob(os.path.join(paths[1], "**"), recursive=True)})
                remount(one, "rw")
                broker.start()
                for p in range(2):
                    self.assertEqual(consume_partition(broker, "t", p), [f"value {p}"])
                    ottla("produce", "t", "-p", p, "-b", broker.bootstrap, input="more\n")


def consume_partition(broker, topic, partition):
    return ottla("consume", topic, "-p", partition, "-O", "start", "-e", "-f", "%v\\n", "-b", broker.bootstrap).stdout.splitlines()


class OpenFiles(unittest.TestCase):
    def descriptors(self, broker):
        return len(os.listdir(f"/proc/{broker.process.pid}/fd"))

    def limit(self, broker, number):
        """The soft limit of the running broker."""
        hard = resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (number, hard))

    def test_the_limit_and_what_is_needed_are_said_and_nothing_is_lost(self):
        with Broker() as broker, contextlib.ExitStack() as clients, contextlib.ExitStack() as sockets:
            ottla("topic", "create", "t", "-p", 20, "-b", broker.bootstrap)
            for p in range(20):
                ottla("produce", "t", "-p", p, "-b", broker.bootstrap, input="before\n")
            writer = clients.enter_context(Writer(broker, "t"))
            writer.mark()
            before = resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE)[0]
            limit = self.descriptors(broker) + 10
            self.limit(broker, limit)
            host, port = broker.bootstrap.rsplit(":", 1)
            for _ in range(limit):
                sockets.enter_context(socket.create_connection((host, int(port)), timeout=10))
            eventually(lambda: self.assertIn(f"this process may have {limit} open (ulimit -n)", log_of(broker)))
            writer.mark()  # its connection is there
            # Nothing at all can be opened now: the limit is far below what is in use.
            self.limit(broker, 3)
            writer.mark()
            self.assertNotIn("is offline", log_of(broker))
            self.limit(broker, before)
            sockets.close()
            eventually(lambda: ottla("topic", "create", "u", "-p", 3, "-b", broker.bootstrap))
            writer.mark()
            broker.kill()
            broker.start()
            code, promised = writer.end()
            self.assertEqual(code, 0)
            self.assertEqual(promised - set(consume(broker, "t")), set())

    def test_a_start_with_too_few_says_so_and_leaves_all_as_it_is(self):
        with Broker() as broker:
            ottla("topic", "create", "t", "-p", 30, "-b", broker.bootstrap)
            for p in range(30):
                ottla("produce", "t", "-p", p, "-b", broker.bootstrap, input=f"value {p}\n")
            broker.stop()
            for limit in [8, 14]:
                done = run(["prlimit", f"--nofile={limit}:{limit}", program("ottla"), "dev", "--data", broker.data], check=False)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, rf"this process may have {limit} files open \(ulimit -n\); with \d+ threads and 1 log directories it needs \d+")
            self.assertTrue(os.path.exists(os.path.join(broker.data, ".kafka_cleanshutdown")))
            broker.start()
            for p in range(30):
                self.assertEqual(consume_partition(broker, "t", p), [f"value {p}"])


if __name__ == "__main__":
    main()
