#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real processes for the integration tests: our broker, kcat, librdkafka's Python client, Apache Kafka and its tools.

Every test module is a program: `python3 integration/test_x.py`. Programs of ours come from $OTTLA_BIN (default
build/dev/bin); what is fetched from other registries stays in $OTTLA_PEERS (default build/peers). A test whose registry
is out of reach prints a loud SKIPPED line and goes on."""
import contextlib
import os
import pathlib
import random
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("OTTLA_BIN", os.path.join(ROOT, "build", "dev", "bin"))
PEERS = os.environ.get("OTTLA_PEERS", os.path.join(ROOT, "build", "peers"))
LIBRDKAFKA_WHEEL = "confluent-kafka==2.16.1"
KAFKAJS = "kafkajs@2.2.4"


def program(name):
    path = os.path.join(BIN, name)
    if not os.path.exists(path):
        raise RuntimeError(f"{path} is missing: run scripts/build first")
    return path


def run(args, input=None, timeout=60, check=True, env=None):
    """Runs a program to its end; its output as text. A non-zero exit is an AssertionError with all it said."""
    text = input if input is None or isinstance(input, bytes) else input.encode()
    done = subprocess.run(args, input=text, capture_output=True, timeout=timeout, env=env)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, args))} exited with {done.returncode}\n{out[-4000:]}\n{err[-4000:]}")
    done.stdout, done.stderr = out, err
    return done


def ottla(*args, **options):
    return run([program("ottla"), *map(str, args)], **options)


def create_topic(bootstrap, name, partitions):
    """Until it can be written to: Apache Kafka answers before every broker knows of it."""
    ottla("topic", "create", name, "-p", partitions, "-b", bootstrap)
    eventually(lambda: ottla("topic", "offsets", name, "-b", bootstrap))


def free_port(count=1):
    """The first of so many ports in a row that nobody uses, below those that the system gives to clients."""
    while True:
        first = random.randrange(10_000, 32_000 - count)
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
        return first


def eventually(check, seconds=15):
    """Until `check()` raises no AssertionError any more: what one process was told, another may show a moment later."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def read_line(stream, starts_with, seconds):
    """The first line of `stream` that starts so; fails when the time is up or the stream ends."""
    deadline, seen = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            for line in seen.split(b"\n")[:-1]:
                if line.startswith(starts_with.encode()):
                    return line.decode()
            if not selector.select(max(0, deadline - time.monotonic())):
                raise AssertionError(f"no line '{starts_with}' within {seconds} s; seen: {seen!r}")
            more = os.read(stream.fileno(), 65536)
            if not more:
                raise AssertionError(f"the program ended without a line '{starts_with}'; seen: {seen!r}")
            seen += more


class Broker:
    """`ottla dev` in a process of its own, on a port that stays the same over restarts."""

    def __init__(self, *options, data=None, memory=False):
        self.own = None if data or memory else tempfile.mkdtemp(prefix="ottla-test-")
        self.data = data or self.own
        self.options = list(options) + (["--memory"] if memory else ["--data", self.data])
        self.port = 0
        self.process = None
        self.log = tempfile.NamedTemporaryFile(prefix="ottla-broker-", suffix=".log", delete=False)

    def start(self):
        self.process = subprocess.Popen([program("ottla"), "dev", "--port", str(self.port), *self.options],
                                        stdout=subprocess.PIPE, stderr=self.log)
        try:
            ready = read_line(self.process.stdout, "READY ", 20)
        except AssertionError as e:
            self.kill()
            raise AssertionError(f"{e}\n{open(self.log.name).read()[-4000:]}") from None
        self.bootstrap = dict(word.split("=", 1) for word in ready.split()[1:])["bootstrap"]
        self.port = int(self.bootstrap.split(",")[0].rsplit(":", 1)[1])
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self, seconds=15):
        """SIGTERM, as a service manager does. A clean stop exits with 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.process.stdout.close()
        if code != 0:
            raise AssertionError(f"the broker exited with {code}\n{open(self.log.name).read()[-4000:]}")

    def __enter__(self):
        return self.start()

    def __exit__(self, *failed):
        try:
            if self.process.poll() is None:
                self.kill() if failed[0] else self.stop()
        finally:
            self.log.close()
            os.unlink(self.log.name)
            if self.own:
                shutil.rmtree(self.own, ignore_errors=True)


class Connection:
    """Requests as bytes, for what no client sends."""

    def __init__(self, bootstrap):
        host, port = bootstrap.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)

    def close(self):
        self.socket.close()

    def ask(self, api, version, body, flexible):
        """The body of the answer; `flexible`: with headers of the tagged kind."""
        request = struct.pack(">hhih", api, version, 7, 0) + (b"\0" if flexible else b"") + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        return self.read(struct.unpack(">i", self.read(4))[0])[5 if flexible else 4:]

    def read(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise AssertionError("the broker closed the connection")
            got += more
        return got


class RegistryOutOfReach(unittest.SkipTest):
    def __init__(self, what, why):
        line = f"SKIPPED: {what}: its registry is out of reach ({why})"
        print(line, flush=True)
        super().__init__(line)


def librdkafka_python():
    """A Python that has confluent-kafka, whose wheel brings the newest librdkafka."""
    venv = os.path.join(PEERS, "venv")
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(os.path.join(venv, ".done")):
        os.makedirs(PEERS, exist_ok=True)
        shutil.rmtree(venv, ignore_errors=True)
        run([sys.executable, "-m", "venv", venv], timeout=120)
        done = run([python, "-m", "pip", "install", "--quiet", LIBRDKAFKA_WHEEL], timeout=300, check=False)
        if done.returncode:
            raise RegistryOutOfReach(LIBRDKAFKA_WHEEL, done.stderr.strip()[-200:])
        open(os.path.join(venv, ".done"), "w").close()
    return python


def kafkajs_modules():
    """The directory for $NODE_PATH that has kafkajs."""
    home = os.path.join(PEERS, "kafkajs")
    if not shutil.which("node") or not shutil.which("npm"):
        raise RegistryOutOfReach(KAFKAJS, "node and npm are not installed")
    if not os.path.exists(os.path.join(home, ".done")):
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        done = run(["npm", "install", "--prefix", home, "--no-audit", "--no-fund", "--ignore-scripts", KAFKAJS], timeout=300, check=False)
        if done.returncode:
            raise RegistryOutOfReach(KAFKAJS, done.stderr.strip()[-200:])
        open(os.path.join(home, ".done"), "w").close()
    return os.path.join(home, "node_modules")


KAFKA = os.path.join(ROOT, "integration", "kafka", "kafka")


def kafka_env():
    return dict(os.environ, KAFKA_PEER=os.environ.get("KAFKA_PEER", os.path.join(PEERS, "kafka")))


def kafka_setup():
    done = run([KAFKA, "setup"], timeout=600, check=False, env=kafka_env())
    if done.returncode:
        raise RegistryOutOfReach("Apache Kafka 4.3.1 (Maven)", (done.stdout + done.stderr).strip()[-200:])


def kafka_run(name, *args, debug=None, **options):
    """Runs one of Apache Kafka's command-line classes. `debug`: a class of it that says on stderr all that it does."""
    env = dict(kafka_env(), JVM="-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    with contextlib.ExitStack() as stack:
        if debug:
            with open(os.path.join(env["KAFKA_PEER"], "log4j2.properties")) as usual:
                lines = usual.read()
            config = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".properties"))
            config.write(f"{lines}logger.d.name={debug}\nlogger.d.level=debug\n")
            config.flush()
            env["KAFKA_LOG4J"] = config.name
        return run([KAFKA, "run", name, *map(str, args)], env=env, **options)


@contextlib.contextmanager
def apache_kafka(nodes=1, *lines):
    """A real Apache Kafka 4.3.1 for the time of the block; gives its bootstrap address."""
    kafka_setup()
    port = free_port(10 * nodes)
    # Its output goes to files of its own: the nodes live on after the script, and would hold a pipe open.
    with tempfile.TemporaryFile() as out:
        done = subprocess.run([KAFKA, "up", str(nodes), str(port), *lines], env=kafka_env(), stdout=out, stderr=out, timeout=120)
        out.seek(0)
        said = out.read().decode(errors="replace")
    try:
        if done.returncode:
            raise AssertionError(said[-3000:])
        yield f"127.0.0.1:{port}"
    finally:
        run([KAFKA, "down", str(port)], env=kafka_env(), check=False)
        shutil.rmtree(os.path.join(kafka_env()["KAFKA_PEER"], str(port)), ignore_errors=True)


class KafkaNode:
    """An Apache Kafka 4.3.1 whose directories stay after a stop. `standalone`: its voters stand in its metadata log
    (kraft.version 1), not in its configuration."""

    def __init__(self, *lines, standalone=False, nodes=1):
        kafka_setup()
        self.nodes = nodes
        self.port = free_port(10 * nodes)
        self.bootstrap = ",".join(f"127.0.0.1:{self.port + 10 * i}" for i in range(nodes))
        self.env = kafka_env()
        self.lines = list(lines)
        if standalone:
            self.env["KAFKA_FORMAT"] = "--standalone"
            self.lines += ["controller.quorum.voters=", f"controller.quorum.bootstrap.servers=127.0.0.1:{self.port + 1}"]
        self.home = os.path.join(self.env["KAFKA_PEER"], str(self.port))
        self.data = os.path.join(self.home, "node1", "data")
        self.log = os.path.join(self.home, "node1", "server.log")

    def up(self):
        # It lives on after the script, and would hold a pipe open.
        done = subprocess.run([KAFKA, "up", str(self.nodes), str(self.port), *self.lines], env=self.env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=180)
        assert done.returncode == 0, pathlib.Path(self.log).read_text()[-3000:]
        return self

    def again(self, node):
        """Starts a node that is down."""
        done = subprocess.run([KAFKA, "again", str(self.port), str(node)], env=self.env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=180)
        log = os.path.join(self.home, f"node{node}", "server.log")
        assert done.returncode == 0, pathlib.Path(log).read_text()[-3000:]

    def down(self, with_signal=signal.SIGTERM, node=1):
        path = os.path.join(self.home, f"node{node}", "pid")
        if not os.path.exists(path):
            return
        number = int(pathlib.Path(path).read_text())
        os.kill(number, with_signal)
        os.unlink(path)
        eventually(lambda: self.assert_gone(number), seconds=60)

    def kill(self):
        self.down(signal.SIGKILL)

    def start(self):
        """The first node, after kill()."""
        self.again(1)

    def remove(self):
        for node in range(self.nodes):
            self.down(signal.SIGKILL, node + 1)
        shutil.rmtree(self.home, ignore_errors=True)

    @staticmethod
    def assert_gone(number):
        try:
            state = pathlib.Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
            threads = len(os.listdir(f"/proc/{number}/task"))  # the others may live on behind a first one that is dead
        except FileNotFoundError:
            return
        assert state == "Z" and threads <= 1, (state, threads)


def main():
    unittest.main(module="__main__", verbosity=2)
