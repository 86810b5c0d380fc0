#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Request and reply (examples/request_reply): two servers, one client with many requests in flight; servers, and the broker, are killed with
SIGKILL in the middle and started again. Each question is answered rightly, once; replies that come too late, or twice, are
dropped. $OTTLA_KILLS says how often (default 3), $OTTLA_KILL_SEED whom."""
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Broker, main, ottla, program, read_line

KILLS = int(os.environ.get("OTTLA_KILLS", "3"))
STEP = 500
QUESTIONS, AT_A_TIME = STEP * (2 * KILLS + 2), 200


class RequestReply(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ottla-rpc-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.addCleanup(self.log.close)
        self.servers = {}
        self.addCleanup(lambda: [server.kill() or server.wait() for server in self.servers.values()])

    def start(self, name):
        words = [program("example_rpc_server"), self.broker.bootstrap, name, "questions"]
        self.servers[name] = subprocess.Popen(words, stdout=self.log, stderr=self.log)

    def kill_and_start(self, victim):
        if victim == "broker":
            self.broker.kill()
            self.broker.start()
        else:
            self.servers[victim].kill()
            self.servers[victim].wait()
            self.start(victim)

    def ask(self, count, at_a_time, slow):
        words = [program("example_rpc_client"), self.broker.bootstrap, "client-1", "questions", str(count), str(at_a_time), str(slow)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self, client):
        out, err = client.communicate(timeout=120)
        self.assertEqual(client.returncode, 0, err.decode()[-3000:])
        return [int(n) for n in re.findall(r"(\d+) (?:right|wrong|timed out|dropped)", out.decode())]

    def test_each_question_is_answered(self):
        seed = int(os.environ.get("OTTLA_KILL_SEED", random.randrange(1 << 30)))
        print(f"NOTE {QUESTIONS} questions, {AT_A_TIME} at a time, {KILLS} kills, OTTLA_KILL_SEED={seed}", flush=True)
        chance, killed = random.Random(seed), collections.Counter()
        with Broker("-q") as self.broker:
            ottla("topic", "create", "questions", "-p", 4, "-b", self.broker.bootstrap)
            for name in ("server-1", "server-2"):
                self.start(name)
            self.check_late_replies()
            client = self.ask(QUESTIONS, AT_A_TIME, 0)
            try:
                for n in range(KILLS):
                    read_line(client.stderr, f"MARK {STEP * (2 * n + 1)}", 60)
                    victim = chance.choice(["server-1", "server-2", "server-1", "server-2", "broker"])
                    killed[victim] += 1
                    self.kill_and_start(victim)
                right, wrong, timed_out, dropped = self.result(client)
            except BaseException:
                client.kill()
                client.communicate()
                print(pathlib.Path(self.log.name).read_text()[-3000:])
                raise
            self.assertEqual((right, wrong, timed_out), (QUESTIONS, 0, 0))
            self.check_without_servers()
        print(f"NOTE killed {', '.join(f'{name} ({times})' for name, times in sorted(killed.items()))}; {dropped} replies were dropped")

    def test_a_server_that_does_not_come_back(self):
        """Its partitions go to the other after session.timeout.ms."""
        with Broker("-q") as self.broker:
            ottla("topic", "create", "questions", "-p", 4, "-b", self.broker.bootstrap)
            for name in ("server-1", "server-2"):
                self.start(name)
            self.assertEqual(self.result(self.ask(100, 10, 0))[0], 100)
            self.servers["server-1"].kill()
            began = time.monotonic()
            self.assertEqual(self.result(self.ask(1000, 200, 0))[:3], [1000, 0, 0])
            self.assertLess(time.monotonic() - began, 30)
            none_at_a_time = self.ask(10, 0, 0)
            none_at_a_time.communicate(timeout=30)
            self.assertEqual(none_at_a_time.returncode, 2)

    def check_late_replies(self):
        """They come, and nobody waits for them any more."""
        self.assertEqual(self.result(self.ask(10, 1, 0)), [10, 0, 0, 0])  # servers are there
        right, wrong, timed_out, dropped = self.result(self.ask(0, 10, 10))
        self.assertEqual((right, wrong, timed_out), (0, 0, 10))
        self.assertGreater(dropped, 0)

    def check_without_servers(self):
        """Nobody is there: what has a deadline ends by it, and the topic of the instance serves again."""
        for server in self.servers.values():
            server.terminate()
            self.assertEqual(server.wait(30), 0)
        self.assertEqual(self.result(self.ask(0, 10, 10)), [0, 0, 10, 0])


if __name__ == "__main__":
    main()
