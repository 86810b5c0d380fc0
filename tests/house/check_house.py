#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the house together: arrows between folders point only down, Asio stays out of the pure folders, time and
threads are handed in, and the coroutine rules that gcc 12 needs are kept. Usage: check_house.py ROOT"""
import os
import re
import sys

# Which rooms a room may include. Tests, benchmarks, examples and tools see what they need.
LAYERS = {
    "base": {"base"},
    "protocol": {"base", "protocol"},
    "net": {"base", "protocol", "net"},
    "client": {"base", "protocol", "net", "client"},
    "broker": {"base", "protocol", "net", "broker"},
}
# <ottla/...> headers by the room that installs them.
PUBLIC = {}
# Folders that never see Asio: the words, the wire, and what only decides.
PURE = ("base/", "protocol/", "broker/groups/", "broker/metadata/image", "broker/metadata/controller.", "broker/log/segment", "client/config/",
        "client/consumer/assignors/", "client/group/membership")
ASIO = re.compile(r"boost/asio|\basio::")
# Time, chance and threads are handed in: only these may reach for the real ones.
REAL_ALLOWED = ("base/", "net/", "tools/", "bench/", "tests/", "examples/", "integration/", "broker/server/main", "broker/embedded/thread",
                "client/runtime/")
REAL = re.compile(r"steady_clock::now|system_clock::now|random_device|std::thread\b|std::jthread|\bsteady_timer\b|sleep_for|sleep_until\(std")
SLEEP = re.compile(r"std::this_thread::sleep|\busleep\(|\bnanosleep\(")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
COROUTINE_RULES = [
    (re.compile(r"co_spawn\([^,;]*,\s*\[[^\]]+\]"),
     "co_spawn takes a coroutine function with arguments, never a capturing lambda"),
    (re.compile(r"\?[^;:?]*\bco_await\b"), "no co_await inside ?:"),
    (re.compile(r"=\s*\{[^;{}]*\bco_await\b|\w\{[^;{}()]*\bco_await\b"), "no co_await inside braces"),
    (re.compile(r"co_await\s+[\w:.>-]+\([^;]*[\s(,][A-Z]\w*\{"), "no aggregate temporary inside a co_await expression: make it a named local"),
    (re.compile(r"\}\s*while\s*\([^;{}]*\bco_await\b"),
     "no co_await in the condition of do … while: gcc 12 passes over it after a continue"),
    (re.compile(r"\[=\]"), "never [=]"),
]


def sources(root):
    for top in sorted(LAYERS) + ["tools", "tests", "bench", "examples", "integration"]:
        for folder, dirs, files in os.walk(os.path.join(root, top)):
            dirs[:] = sorted(d for d in dirs if d not in ("golden", "target"))
            for f in sorted(files):
                if f.endswith((".cpp", ".hpp", ".inc")):
                    yield os.path.relpath(os.path.join(folder, f), root)


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def without_strings(text):
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def main(root):
    problems = []
    for room in LAYERS:
        include = os.path.join(root, room, "include")
        for folder, _, files in os.walk(include):
            for f in files:
                PUBLIC[os.path.relpath(os.path.join(folder, f), include)] = room
    count = 0
    for path in sources(root):
        count += 1
        room = path.split("/")[0]
        raw = open(os.path.join(root, path), encoding="utf-8").read()
        if not raw.startswith("// SPDX-License-Identifier: Apache-2.0"):
            problems.append(f"{path}:1: the first line is the SPDX line")
        code = without_comments(raw)
        for number, line in enumerate(code.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            name = match.group(2)
            target = PUBLIC.get(name) or (name.split("/")[0] if name.split("/")[0] in LAYERS and match.group(1) == '"' else None)
            if name.startswith("ottla/protocol/messages/"):
                target = "protocol"
            if room in LAYERS and target and target not in LAYERS[room]:
                problems.append(f"{path}:{number}: {room}/ does not see {target}/ ({name})")
            if room == "tests" or not target:
                continue
            if "/include/ottla/" in path and match.group(1) == '"':
                problems.append(f"{path}:{number}: a public header includes only public headers ({name})")
            if target in ("tests", "integration"):
                problems.append(f"{path}:{number}: nothing outside tests/ sees them ({name})")
        plain = without_strings(code)
        for number, line in enumerate(plain.split("\n"), 1):
            if path.startswith(PURE) and ASIO.search(line):
                problems.append(f"{path}:{number}: Asio stays out of the pure folders")
            if not path.startswith(REAL_ALLOWED) and REAL.search(line):
                problems.append(f"{path}:{number}: time, chance and threads are handed in: {line.strip()}")
            if SLEEP.search(line) and not path.startswith("bench/peers/"):
                problems.append(f"{path}:{number}: no sleeps")
        if "co_await" in plain or "co_spawn" in plain:
            for pattern, rule in COROUTINE_RULES:
                for match in pattern.finditer(plain):
                    problems.append(f"{path}:{plain.count(chr(10), 0, match.start()) + 1}: {rule}")
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
