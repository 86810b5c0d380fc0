# SPDX-License-Identifier: Apache-2.0
"""The brokers that are compared, and the commands of the clients."""
import contextlib
import os
import shlex
import struct
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "broker")]
from measured import ROOT  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "integration"))
os.environ.setdefault("OTTLA_BIN", os.path.join(ROOT, "build", "release", "bin"))
import harness  # noqa: E402

PEERS = os.environ.get("PERF_BUILD", os.path.join(ROOT, "build", "peers"))

# What both brokers are told; what is shorter than Kafka's bounds is what a group may be set to.
SETTINGS = ["auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0", "group.consumer.min.session.timeout.ms=6000",
            "group.consumer.min.heartbeat.interval.ms=2000"]


class Peer:
    def __init__(self, name, address, pid):
        self.name, self.address, self.pid = name, address, pid

    def make_topic(self, topic, partitions):
        harness.create_topic(self.address, topic, partitions)

    def set_group(self, group, settings):
        """IncrementalAlterConfigs of the group; our command line has no verb for that."""
        if not settings:
            return
        configs = b"".join(text(name) + b"\0" + text(value) for name, value in settings.items())
        body = struct.pack(">ib", 1, 32) + text(group) + struct.pack(">i", len(settings)) + configs + b"\0"
        connection = harness.Connection(self.address)
        answer = connection.ask(44, 0, body, False)
        connection.close()
        if struct.unpack_from(">h", answer, 8)[0] != 0:
            raise RuntimeError(f"{self.name}: the settings of group {group} were refused: {answer!r}")

    def client(self, *command):
        """The values of its RESULT line."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
        if done.returncode or not lines:
            raise RuntimeError(f"{self.name}: {shlex.join(map(str, command))} exited with {done.returncode}: {done.stderr[-500:]}")
        values = {}
        for word in lines[-1].split()[1:]:
            key, _, value = word.partition("=")
            with contextlib.suppress(ValueError):
                values[key] = float(value)
        return values


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


@contextlib.contextmanager
def ours(policy, directory):
    options = [word for line in (*SETTINGS, f"log.flush.policy={policy}") for word in ("-c", line)]
    with harness.Broker(*options, data=os.path.join(directory, policy)) as broker:
        yield Peer(policy, broker.bootstrap, broker.process.pid)
        broker.kill()  # what it wrote goes anyway


@contextlib.contextmanager
def kafka(directory):
    peer = harness.kafka_env()["KAFKA_PEER"]
    with harness.apache_kafka(1, *SETTINGS, f"log.dirs={directory}/kafka") as address:
        with open(os.path.join(peer, address.rsplit(":", 1)[1], "node1", "pid")) as f:
            yield Peer("kafka", address, int(f.read()))


def ottla(*words):
    return [harness.program("ottla"), "bench", *map(str, words)]


def librdkafka(program, *words):
    return [os.path.join(PEERS, program), *map(str, words)]


def settings(*lines):
    return [word for line in lines for word in ("-X", line)]
