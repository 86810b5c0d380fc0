# SPDX-License-Identifier: Apache-2.0
"""What tests of verbs share: what is refused, and a broker for all tests of a class with the command line pointed at it."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from harness import Broker, ottla  # noqa: E402


class UsageCase(unittest.TestCase):
    def refused(self, *args, says):
        done = ottla(*args, check=False, timeout=10)
        self.assertEqual((done.returncode, done.stdout), (2, ""), (args, done.stderr))
        for word in says:
            self.assertIn(word, done.stderr)


class BrokerCase(unittest.TestCase):
    CONFIG = []  # "name=value"

    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker(*(word for line in cls.CONFIG for word in ("-c", line)), memory=True))

    def ottla(self, *args, **options):
        return ottla(*args, "-b", self.broker.bootstrap, **options)

    def json(self, *args):
        return json.loads(self.ottla(*args, "-o", "json").stdout)

    def fails(self, *args, says):
        done = self.ottla(*args, check=False, timeout=40)
        self.assertEqual(done.returncode, 1, (args, done.stdout, done.stderr))
        for word in says:
            self.assertIn(word, done.stderr)
        return done
