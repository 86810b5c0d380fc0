#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program or a script out of the documents against a broker of its own; it must end with 0. A program finds the
topic "orders" there, with three partitions, as the quick start makes it, and once more with six, as docs/cli.md leaves it; it must
not set off our own warnings. Usage: run.py FILE"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from harness import BIN, Broker, ottla, run  # noqa: E402

with Broker(memory=True) as broker, tempfile.TemporaryDirectory() as folder:
    env = dict(os.environ, OTTLA_BOOTSTRAP=broker.bootstrap, PATH=BIN + os.pathsep + os.environ["PATH"])
    file = os.path.abspath(sys.argv[1])
    os.chdir(folder)
    if file.endswith(".sh"):
        done = run(["bash", file], timeout=60, env=env)
    else:
        ottla("topic", "create", "orders", "-p", 3, env=env)
        done = run([file], timeout=60, env=env)
        ottla("topic", "add-partitions", "orders", "-p", 6, env=env)
        run([file], timeout=60, env=env)
    if "has no effect" in done.stderr:
        sys.exit(f"{file} makes a setting that has no effect:\n{done.stderr}")
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
