# SPDX-License-Identifier: Apache-2.0
"""How long groups take: until every partition of the topic has one owner and shares differ by one at most.

A case is a group of so many members in one process; then one more joins in a process of its own, leaves politely, joins
again and is killed. Each step begins 1.5 s after the one before has settled; the last, one more that joins, 9 s after it, when
members are heard of at their usual intervals. Members say with the time of
CLOCK_MONOTONIC what they are given and give back (`ottla bench members`, rdk_members)."""
import collections
import os
import signal
import subprocess
import threading
import time
import uuid

PARTITIONS = 100
QUIET_S = 1.5
REST_S = 9

Protocol = collections.namedtuple("Protocol", "name settings group_settings kills")
PROTOCOLS = [
    Protocol("classic, session 6 s, heartbeat 3 s",
             ("partition.assignment.strategy=cooperative-sticky", "session.timeout.ms=6000", "heartbeat.interval.ms=3000"), {}, True),
    Protocol("consumer, session 45 s, heartbeat 5 s", ("group.protocol=consumer",), {}, False),
    Protocol("consumer, session 6 s, heartbeat 2 s", ("group.protocol=consumer",),
             {"consumer.session.timeout.ms": "6000", "consumer.heartbeat.interval.ms": "2000"}, True),
]


class Shares:
    """Who has what, as the members say."""

    def __init__(self):
        self.changed = threading.Condition()
        self.held = {}  # member → partitions
        self.settled_ns = None

    def live(self, members):
        """These are in the group from now on, and nobody else."""
        with self.changed:
            self.held = {name: self.held.get(name, set()) for name in members}
            self.settled_ns = None

    def take(self, at_ns, member, sign, partitions):
        with self.changed:
            if member not in self.held:
                return
            self.held[member] = self.held[member] | partitions if sign == "+" else self.held[member] - partitions
            counts = [len(one) for one in self.held.values()]
            owned = set().union(*self.held.values())
            even = sum(counts) == len(owned) == PARTITIONS and max(counts) - min(counts) <= 1
            self.settled_ns = (self.settled_ns or at_ns) if even else None
            self.changed.notify_all()

    def settled(self, seconds):
        """When it settled for good."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                now = time.monotonic()
                quiet = self.settled_ns is not None and now - self.settled_ns / 1e9 >= QUIET_S
                if quiet:
                    return self.settled_ns
                if now > deadline:
                    counts = sorted(len(one) for one in self.held.values())
                    raise RuntimeError(f"not settled within {seconds} s: {counts}")
                self.changed.wait(0.1)


class Members:
    """A process of members, whose lines go to the group's shares."""

    def __init__(self, command, label, shares):
        self.label, self.shares = label, shares
        self.marks = collections.defaultdict(threading.Event)
        self.at_ns = {}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "EVENT":
                member = f"{self.label}/{words[2].rsplit('/', 1)[1]}"
                self.shares.take(int(words[1]), member, words[3], {int(p) for p in "".join(words[4:]).split(",") if p})
            elif words[0] != "ERROR":
                self.at_ns[words[0]] = int(words[1])
                self.marks[words[0]].set()

    def when(self, mark, seconds=60):
        if not self.marks[mark].wait(seconds):
            raise RuntimeError(f"members said no {mark} within {seconds} s")
        return self.at_ns[mark]

    def leave(self):
        self.process.send_signal(signal.SIGTERM)
        return self.when("LEAVING")

    def end(self):
        self.process.kill()
        self.process.wait()


def run_case(peer, start, protocol, members):
    """Seconds of each step. `start(group, count)`: the command of a process with so many members."""
    shares, group = Shares(), f"g-{uuid.uuid4().hex[:10]}"
    peer.set_group(group, protocol.group_settings)
    processes, took = [], {}

    def begin(label, count):
        processes.append(Members(start(group, count), label, shares))
        return processes[-1]

    crowd = [f"crowd/{i}" for i in range(members)]
    try:
        shares.live(crowd)
        all_of_them = begin("crowd", members)
        took["all join at once"] = shares.settled(90) - all_of_them.when("BEGIN")
        shares.live([*crowd, "late/0"])
        late = begin("late", 1)
        took["one more joins"] = shares.settled(60) - late.when("BEGIN")
        shares.live(crowd)
        began = late.leave()
        took["polite leave"] = shares.settled(60) - began
        if protocol.kills:
            shares.live([*crowd, "victim/0"])
            victim = begin("victim", 1)
            shares.settled(60)
            shares.live(crowd)
            began = time.monotonic_ns()
            os.kill(victim.process.pid, signal.SIGKILL)
            took["kill -9"] = shares.settled(60) - began
        time.sleep(REST_S)
        shares.live([*crowd, "last/0"])
        last = begin("last", 1)
        took["one more joins a group at rest"] = shares.settled(60) - last.when("BEGIN")
        return {step: nanoseconds / 1e9 for step, nanoseconds in took.items()}
    finally:
        for one in processes:
            one.end()


def run_together(cases, stagger_s=0.5):
    """Cases wait nearly all of their time, so they run side by side, half a second apart. name → steps, or what went wrong."""
    results = {}

    def run(name, case):
        try:
            results[name] = run_case(*case)
        except (RuntimeError, OSError, AssertionError) as e:
            results[name] = str(e)

    threads = []
    for name, case in cases.items():
        threads.append(threading.Thread(target=run, args=(name, case)))
        threads[-1].start()
        time.sleep(stagger_s)
    for thread in threads:
        thread.join()
    return results
