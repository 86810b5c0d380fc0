#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program or a script out of the documents against a broker of its own; it must end with 0. A program finds the
topic "orders" there, with three partitions, as the quick start makes it, and once more with six, as docs/cli.md leaves it; it must
not set off our own warnings. A script whose first line is `# until TEXT` is stopped when it has said that; what any of them leaves
running is stopped. They find examples/ where they run. Usage: run.py FILE"""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from harness import BIN, ROOT, Broker, ottla, run  # noqa: E402

SCRIPT_SECONDS = 60


def run_script(file, env):
    with open(file) as script:
        first = script.readline()
    until = first.removeprefix("# until ").strip() if first.startswith("# until ") else None
    with tempfile.NamedTemporaryFile("ab") as said:
        shell = subprocess.Popen(["bash", file], stdout=said, stderr=subprocess.STDOUT, env=env, start_new_session=True)

        def output():
            with open(said.name, errors="replace") as reader:
                return reader.read()

        deadline, code = time.monotonic() + SCRIPT_SECONDS, None
        try:
            # What it waits for may be said by what it left running.
            while time.monotonic() < deadline and not (until and until in output()):
                if (code := shell.poll()) or (code is not None and not until):
                    break
                time.sleep(0.05)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        if code or (until not in output() if until else code is None):
            sys.exit(f"{file}: {'ended with ' + str(code) if code else 'is not done'}; it said:\n{output()}")
        return output()


with Broker(memory=True) as broker, tempfile.TemporaryDirectory() as folder:
    env = dict(os.environ, OTTLA_BOOTSTRAP=broker.bootstrap, PATH=BIN + os.pathsep + os.environ["PATH"])
    file = os.path.abspath(sys.argv[1])
    os.chdir(folder)
    os.symlink(os.path.join(ROOT, "examples"), "examples")
    if file.endswith(".sh"):
        sys.stdout.write(run_script(file, env))
    else:
        ottla("topic", "create", "orders", "-p", 3, env=env)
        done = run([file], timeout=60, env=env)
        ottla("topic", "add-partitions", "orders", "-p", 6, env=env)
        run([file], timeout=60, env=env)
        if "has no effect" in done.stderr:
            sys.exit(f"{file} makes a setting that has no effect:\n{done.stderr}")
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
