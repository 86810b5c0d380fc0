# SPDX-License-Identifier: Apache-2.0
"""Offset commits on a blocking socket: what the broker takes, with no client in between."""
import struct
import time

from peers import harness, text

OFFSET_COMMIT, FIND_COORDINATOR = 8, 10


def commit_by_hand(address, topic, count):
    group = f"{topic}-by-hand"
    connection = harness.Connection(address)

    def find():
        code, = struct.unpack_from(">h", connection.ask(FIND_COORDINATOR, 0, text(group), False))
        assert code == 0, f"no coordinator: {code}"

    def commit(offset):
        head = text(group) + struct.pack(">i", -1) + text("") + struct.pack(">q", -1)
        body = head + struct.pack(">i", 1) + text(topic) + struct.pack(">iiq", 1, 0, offset) + text("")
        code, = struct.unpack(">h", connection.ask(OFFSET_COMMIT, 2, body, False)[-2:])
        assert code == 0, f"the commit was refused: {code}"

    harness.eventually(find)
    harness.eventually(lambda: commit(0))
    for i in range(count // 10):
        commit(i)
    times = []
    began = time.perf_counter()
    for i in range(count):
        at = time.perf_counter()
        commit(i)
        times.append(time.perf_counter() - at)
    seconds = time.perf_counter() - began
    connection.close()
    times.sort()
    return {"msgs_s": count / seconds, "p50_us": times[count // 2] * 1e6, "p99_us": times[int(count * 0.99)] * 1e6}
